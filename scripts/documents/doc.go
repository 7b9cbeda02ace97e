// Package documents keeps the README and the other documents true where a machine can tell: their
// Go code compiles against the modules as they are, their shell commands name make targets,
// scripts, subcommands and flags that exist, and their links lead to files that are there.
//
// A ```go block is a whole file, with its package clause, so that a reader can paste it. It is
// compiled inside the module whose folder the document is in, at the root inside nymapi, which sees
// all modules; nothing is written into the tree. Of ```sh blocks and of `make target` in the text
// only the project's own commands are looked at; nothing is executed.
package documents
