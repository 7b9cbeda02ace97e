package documents

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
)

// goName matches a link's text that is a Go name in backticks: X, X.Y, pkg.X or pkg.X.Y.
var goName = regexp.MustCompile("^`([A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*){0,2})`$")

// declarations returns the names that a Go file, or the package in a folder, declares:
// package-level names, methods and fields, each with and without the name of the package, and that
// name itself. The result is empty if there is no Go code.
func declarations(root fs.FS, target string, folder bool) (map[string]bool, error) {
	files := []string{target}
	if folder {
		var err error
		if files, err = fs.Glob(root, path.Join(target, "*.go")); err != nil {
			return nil, err
		}
	}
	declared := map[string]bool{}
	for _, name := range files {
		if path.Ext(name) != ".go" {
			continue
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		declared[file.Name.Name], declared[path.Base(target)] = true, true
		for _, n := range namesOf(file) {
			declared[n], declared[file.Name.Name+"."+n] = true, true
		}
	}
	return declared, nil
}

// namesOf returns the package-level names of a file, and its methods and fields as Type.Name.
func namesOf(file *ast.File) []string {
	var names []string
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			} else {
				names = append(names, receiver(d.Recv.List[0].Type)+"."+d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, ident := range spec.Names {
						names = append(names, ident.Name)
					}
				case *ast.TypeSpec:
					names = append(append(names, spec.Name.Name), members(spec)...)
				}
			}
		}
	}
	return names
}

// receiver returns the name of a receiver's type.
func receiver(expr ast.Expr) string {
	name := ""
	ast.Inspect(expr, func(node ast.Node) bool {
		if ident, ok := node.(*ast.Ident); ok && name == "" {
			name = ident.Name
		}
		return name == ""
	})
	return name
}

// members returns the fields of a struct and the methods of an interface.
func members(spec *ast.TypeSpec) []string {
	var fields *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return nil
	}
	var names []string
	for _, field := range fields.List {
		for _, ident := range field.Names {
			names = append(names, spec.Name.Name+"."+ident.Name)
		}
	}
	return names
}
