package architecture

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strings"
)

// published is the module whose exported names other programs may use.
const published = "ephemera"

// A name is a package-level name of the published module.
type name struct{ folder, ident string }

// String returns the name with its folder, as the table of exceptions has it.
func (n name) String() string { return n.folder + "." + n.ident }

// A surface is the published module's packages and what uses their names.
type surface struct {
	packages map[string]string   // package names by folder, of all modules
	decls    map[name][]ast.Node // what a name's use makes visible: types, signatures, values
	at       map[name]string     // where a name is declared
	uses     map[name]bool       // used outside its own package
}

type nameTable map[string]string

// checkSurface returns a message for each exported name of the published module that nothing
// outside its own package uses. Tests and programs of other packages count as uses, and so do
// examples. The types in the signature of a used name are used, too.
func checkSurface(sources []source, reasons map[string]string) []string {
	u := newSurface(sources)
	for _, s := range sources {
		u.note(s)
	}
	u.spread()
	var found []string
	listed := maps.Clone(reasons)
	for _, n := range slices.SortedFunc(maps.Keys(u.at), func(a, b name) int { return strings.Compare(a.String(), b.String()) }) {
		if u.uses[n] || !ast.IsExported(n.ident) || !isPublic(n.folder, u.packages[n.folder]) {
			continue
		}
		if listed[n.String()] == "" {
			found = append(found, fmt.Sprintf("%s: nothing outside its package uses %s: unexport it, or give a reason in surfaceReasons", u.at[n], n))
		}
		delete(listed, n.String())
	}
	for _, stale := range slices.Sorted(maps.Keys(listed)) {
		found = append(found, fmt.Sprintf("surfaceReasons: %s is used, unexported or gone: remove its entry", stale))
	}
	return found
}

// isPublic reports whether programs outside the repository can import the package.
func isPublic(folder, pkg string) bool {
	return covers(published+"/...", folder) && pkg != "main" && !slices.Contains(strings.Split(folder, "/"), "internal")
}

// newSurface collects the declarations.
func newSurface(sources []source) *surface {
	u := &surface{
		packages: map[string]string{}, decls: map[name][]ast.Node{}, at: map[name]string{}, uses: map[name]bool{},
	}
	for _, s := range sources {
		if !s.test {
			u.packages[s.folder] = s.ast.Name.Name
		}
	}
	for _, s := range sources {
		if s.test || !covers(published+"/...", s.folder) {
			continue
		}
		for _, d := range s.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				u.declareFunc(s, d)
			case *ast.GenDecl:
				u.declareAll(s, d)
			}
		}
	}
	return u
}

// declareFunc notes a function, or a method with its receiver's type.
func (u *surface) declareFunc(s source, d *ast.FuncDecl) {
	if d.Recv == nil {
		u.declare(s, d.Name, d.Type)
		return
	}
	if receiver := receiverName(d); receiver != "" && d.Name.IsExported() {
		n := name{s.folder, receiver}
		u.decls[n] = append(u.decls[n], d.Type)
	}
}

func receiverName(d *ast.FuncDecl) string {
	expr := d.Recv.List[0].Type
	for {
		switch x := expr.(type) {
		case *ast.StarExpr:
			expr = x.X
		case *ast.IndexExpr:
			expr = x.X
		case *ast.IndexListExpr:
			expr = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// declareAll notes types, variables and constants.
func (u *surface) declareAll(s source, d *ast.GenDecl) {
	var implied ast.Expr // the type of constants that repeat the one above
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			u.declare(s, spec.Name, visible(spec)...)
		case *ast.ValueSpec:
			if spec.Type != nil || len(spec.Values) > 0 {
				implied = spec.Type
			}
			for i, ident := range spec.Names {
				switch {
				case implied != nil:
					u.declare(s, ident, implied)
					if d.Tok == token.CONST {
						u.enumerate(s, ident, implied)
					}
				case d.Tok == token.VAR && i < len(spec.Values):
					u.declare(s, ident, spec.Values[i])
				default:
					u.declare(s, ident)
				}
			}
		}
	}
}

// enumerate makes a constant part of its type: who uses the type meets all its values.
func (u *surface) enumerate(s source, ident *ast.Ident, typ ast.Expr) {
	if t, ok := typ.(*ast.Ident); ok {
		n := name{s.folder, t.Name}
		u.decls[n] = append(u.decls[n], ident)
	}
}

func (u *surface) declare(s source, ident *ast.Ident, shown ...ast.Node) {
	n := name{s.folder, ident.Name}
	u.at[n] = s.at(ident)
	u.decls[n] = append(u.decls[n], shown...)
}

// visible returns what users of a type see of it: not the unexported fields of a struct.
func visible(spec *ast.TypeSpec) []ast.Node {
	var nodes []ast.Node
	if spec.TypeParams != nil {
		nodes = append(nodes, spec.TypeParams)
	}
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return append(nodes, spec.Type)
	}
	for _, field := range structure.Fields.List {
		if len(field.Names) == 0 || slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.IsExported() }) {
			nodes = append(nodes, field.Type)
		}
	}
	return nodes
}

// note records what a file uses of packages other than its own.
func (u *surface) note(s source) {
	names, dots := u.importsOf(s)
	for _, d := range s.ast.Decls {
		f, isFunc := d.(*ast.FuncDecl)
		example := isFunc && s.test && strings.HasPrefix(f.Name.Name, "Example")
		ast.Inspect(d, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.SelectorExpr:
				x, ok := node.X.(*ast.Ident)
				if !ok || x.Obj != nil { // a local variable may have the name of an import
					return true
				}
				if folder := names[x.Name]; folder != "" && (folder != s.folder || example) {
					u.uses[name{folder, node.Sel.Name}] = true
				}
			case *ast.Ident:
				for _, folder := range dots {
					if folder != s.folder || example {
						u.uses[name{folder, node.Name}] = true
					}
				}
			}
			return true
		})
	}
}

// importsOf returns the folders of this repository that a file imports, by name, and those that it
// imports with a dot.
func (u *surface) importsOf(s source) (names nameTable, dots []string) {
	names = nameTable{}
	for i, p := range s.imports() {
		folder, own := strings.CutPrefix(p, module)
		if !own {
			continue
		}
		spec := s.ast.Imports[i]
		switch {
		case spec.Name == nil && u.packages[folder] != "":
			names[u.packages[folder]] = folder
		case spec.Name == nil:
			names[path.Base(folder)] = folder
		case spec.Name.Name == ".":
			dots = append(dots, folder)
		default:
			names[spec.Name.Name] = folder
		}
	}
	return names, dots
}

// spread marks as used what the used names show.
func (u *surface) spread() {
	pending := slices.Collect(maps.Keys(u.uses))
	for len(pending) > 0 {
		n := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, shown := range u.decls[n] {
			ast.Inspect(shown, func(node ast.Node) bool {
				if ident, ok := node.(*ast.Ident); ok {
					other := name{n.folder, ident.Name}
					if _, declared := u.at[other]; declared && !u.uses[other] {
						u.uses[other] = true
						pending = append(pending, other)
					}
				}
				return true
			})
		}
	}
}
