package architecture

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A source is one parsed Go file of the tree.
type source struct {
	name   string // slash-separated path from the tree's root
	folder string
	test   bool
	text   string
	ast    *ast.File
	files  *token.FileSet
}

// parse reads every Go file below the given folders in lexical order. It skips testdata folders.
func parse(tree fs.FS, folders []string) ([]source, error) {
	var sources []source
	files := token.NewFileSet()
	for _, folder := range folders {
		err := fs.WalkDir(tree, folder, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return fs.SkipDir
			case entry.IsDir() || path.Ext(name) != ".go":
				return nil
			}
			text, err := fs.ReadFile(tree, name)
			if err != nil {
				return err
			}
			parsed, err := parser.ParseFile(files, name, text, parser.ParseComments)
			if err != nil {
				return fmt.Errorf("parse: %w", err)
			}
			sources = append(sources, source{
				name: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), text: string(text), ast: parsed, files: files,
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// imports returns the file's import paths.
func (s source) imports() []string {
	paths := make([]string, 0, len(s.ast.Imports))
	for _, spec := range s.ast.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			p = spec.Path.Value
		}
		paths = append(paths, p)
	}
	return paths
}

// at returns the position of a node as file:line.
func (s source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.files.Position(node.Pos()).Line)
}

// covers reports whether a pattern of the rules matches the folder.
func covers(pattern, folder string) bool {
	base, subtree := strings.CutSuffix(pattern, "/...")
	return folder == base || subtree && strings.HasPrefix(folder, base+"/")
}

// find returns the most specific rule for the folder: the one for exactly this folder, otherwise
// the longest pattern that covers it.
func find(rules []rule, folder string) (rule, bool) {
	var best rule
	for _, r := range rules {
		switch {
		case r.folder == folder:
			return r, true
		case covers(r.folder, folder) && len(r.folder) > len(best.folder):
			best = r
		}
	}
	return best, best.folder != ""
}

// checkImports compares the imports of the sources with the rules and returns one message for each
// violation.
func checkImports(sources []source) []string {
	var found []string
	for _, s := range sources {
		r, ok := find(rules, s.folder)
		if !ok {
			found = append(found, fmt.Sprintf("%s: no rule covers the folder %s", s.name, s.folder))
			continue
		}
		allowed := r.imports
		if s.test {
			t, _ := find(testRules, s.folder)
			allowed = join(allowed, t.imports)
		}
		for _, p := range s.imports() {
			inside, own := strings.CutPrefix(p, module)
			permitted := slices.ContainsFunc(allowed, func(pattern string) bool { return covers(pattern, inside) })
			switch {
			case own && !permitted && !(s.test && inside == s.folder):
				found = append(found, fmt.Sprintf("%s: %s may not import %s", s.name, s.folder, inside))
			case !own && r.pure && !s.test && !slices.Contains(pureImports, p) && !slices.Contains(r.also, p):
				found = append(found, fmt.Sprintf("%s: the pure package %s may not import %s", s.name, s.folder, p))
			}
		}
		if r.pure && !s.test {
			found = append(found, checkPure(s)...)
		}
	}
	return found
}

// checkPure finds what the list of imports cannot show: reading the clock, and goroutines.
func checkPure(s source) []string {
	var found []string
	clock := timeName(s)
	ast.Inspect(s.ast, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType:
			found = append(found, fmt.Sprintf("%s: %s in the pure package %s", s.at(node), goroutines, s.folder))
		case *ast.SelectorExpr:
			if x, ok := node.X.(*ast.Ident); ok && clock != "" && x.Name == clock && !slices.Contains(pureTime, node.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s in the pure package %s", s.at(node), node.Sel.Name, s.folder))
			}
		}
		return true
	})
	return found
}

// timeName returns the name under which the file imports package time, or "" if it does not.
func timeName(s source) string {
	for _, spec := range s.ast.Imports {
		if spec.Path.Value == `"time"` {
			if spec.Name != nil {
				return spec.Name.Name
			}
			return "time"
		}
	}
	return ""
}
