// Package documents checks the README and the other documents against the code: their Go code
// compiles, their shell commands name existing make targets, scripts, subcommands and flags, and
// their links lead to existing files, headings and declarations.
//
// A ```go block is a whole file with its package clause, so that a reader can paste it. It is
// compiled in the module whose folder contains the document. Blocks of the documents at the root
// are compiled in nymapi, which depends on all modules. Nothing is written into the tree. In ```sh
// blocks and in `make target` in the text only the project's own commands are checked, and none is
// executed.
package documents
