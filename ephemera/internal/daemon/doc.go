// Package daemon puts a node together from its folder and its configuration: store, transport,
// members, application, API. It is what `ephemera run` runs. Programs that embed a node do the same
// by hand, with package ephemera.
package daemon
