// Package daemon assembles a node from its folder and its configuration: store, transport, members,
// application, API. `ephemera run` calls it. Programs that embed a node use package ephemera
// instead.
package daemon
