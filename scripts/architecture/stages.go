package architecture

import (
	"fmt"
	"go/ast"
	"slices"
)

// checkStages keeps shipped code from passing a frame into the core that nobody verified: the
// functions of testKitOnly may be called by tests and by the folders that the rules name alone.
func checkStages(sources []source) []string {
	var found []string
	for _, s := range sources {
		if s.test {
			continue
		}
		ast.Inspect(s.ast, func(node ast.Node) bool {
			call, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			folders, only := testKitOnly[call.Sel.Name]
			if only && !slices.ContainsFunc(folders, func(pattern string) bool { return covers(pattern, s.folder) }) {
				found = append(found, fmt.Sprintf("%s: %s is for test kits, not for %s", s.at(node), call.Sel.Name, s.folder))
			}
			return true
		})
	}
	return found
}
