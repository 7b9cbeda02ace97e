package architecture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// groupingFolders only contain rooms: each folder in them is a room of its own.
var groupingFolders = []string{"cmd", "examples", "internal", "kit"}

// cycleReasons lists the imports that may close a cycle between rooms, with the reason.
var cycleReasons = map[string]string{}

// room returns the room that a folder belongs to: the first folder below the module's root, with
// everything in it. The packages in a module's root folder are a room of their own.
func room(folder string) string {
	parts := strings.Split(folder, "/")
	length := min(2, len(parts))
	if len(parts) > 2 && slices.Contains(groupingFolders, parts[1]) {
		length = 3
	}
	return strings.Join(parts[:length], "/")
}

// An importGraph has the imports between rooms: for each importing room the imported ones, with a
// file that imports it.
type importGraph map[string]map[string]string

// checkRooms reports imports that close a cycle between rooms. Go forbids cycles between packages.
// This check forbids them between folders: no folder contains a package that another one needs and
// a package that needs the other one. Test files are exempt, because they may start anything.
func checkRooms(sources []source, reasons map[string]string) []string {
	graph := importGraph{}
	for _, s := range sources {
		if !s.test {
			graph.add(s)
		}
	}
	var found []string
	for _, arrow := range slices.Sorted(maps.Keys(reasons)) {
		from, to, _ := strings.Cut(arrow, " -> ")
		if graph[from][to] == "" || !graph.reaches(to, from) {
			found = append(found, fmt.Sprintf("cycleReasons: %s closes no cycle: remove its entry", arrow))
		}
	}
	for arrow := range reasons {
		from, to, _ := strings.Cut(arrow, " -> ")
		delete(graph[from], to)
	}
	for _, from := range slices.Sorted(maps.Keys(graph)) {
		for _, to := range slices.Sorted(maps.Keys(graph[from])) {
			if graph.reaches(to, from) {
				found = append(found, fmt.Sprintf("%s: the import of %s by %s closes a cycle: move the package that needs both", graph[from][to], to, from))
			}
		}
	}
	return found
}

// add adds the imports of a file.
func (g importGraph) add(s source) {
	from := room(s.folder)
	for _, p := range s.imports() {
		folder, own := strings.CutPrefix(p, module)
		if to := room(folder); own && to != from {
			if g[from] == nil {
				g[from] = map[string]string{}
			}
			g[from][to] = s.name
		}
	}
}

// reaches reports whether one room imports another one, directly or through others.
func (g importGraph) reaches(from, to string) bool {
	seen := map[string]bool{from: true}
	pending := []string{from}
	for len(pending) > 0 {
		next := pending[0]
		pending = pending[1:]
		if next == to {
			return true
		}
		for imported := range g[next] {
			if !seen[imported] {
				seen[imported] = true
				pending = append(pending, imported)
			}
		}
	}
	return false
}
