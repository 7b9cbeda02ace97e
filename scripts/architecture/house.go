package architecture

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// checkHouse returns one message for each broken house rule.
func checkHouse(sources []source) []string {
	var found []string
	for _, s := range sources {
		if name := strings.TrimSuffix(s.ast.Name.Name, "_test"); slices.Contains(vagueNames, name) {
			found = append(found, fmt.Sprintf("%s: the package name %s means nothing at the call site", s.name, name))
		}
		if lines := s.files.File(s.ast.Pos()).LineCount(); lines > maxFileLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d: split it by idea", s.name, lines, maxFileLines))
		}
		found = append(found, checkFunctions(s)...)
		found = append(found, checkEmbeds(s)...)
	}
	return append(found, checkComments(sources)...)
}

// checkFunctions reports functions that are too long, package initialisers, and tests that sleep on
// the wall clock. Files that use the virtual time of testing/synctest may sleep.
func checkFunctions(s source) []string {
	var found []string
	clock := timeName(s)
	virtual := slices.Contains(s.imports(), "testing/synctest")
	ast.Inspect(s.ast, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			if lines := s.files.Position(node.End()).Line - s.files.Position(node.Pos()).Line + 1; lines > maxFunctionLines && !s.test {
				found = append(found, fmt.Sprintf("%s: %s has %d lines, at most %d", s.at(node), node.Name.Name, lines, maxFunctionLines))
			}
			if node.Recv == nil && node.Name.Name == "init" {
				found = append(found, fmt.Sprintf("%s: no init functions", s.at(node)))
			}
		case *ast.SelectorExpr:
			if x, ok := node.X.(*ast.Ident); ok && s.test && !virtual && clock != "" && x.Name == clock && node.Sel.Name == "Sleep" {
				found = append(found, fmt.Sprintf("%s: a test that sleeps on the wall clock is slow or flaky", s.at(node)))
			}
		}
		return true
	})
	return found
}

// checkEmbeds reports programs that embed files of testdata, which .dockerignore excludes from the
// image build.
func checkEmbeds(s source) []string {
	var found []string
	for _, group := range s.ast.Comments {
		for _, comment := range group.List {
			if !s.test && strings.HasPrefix(comment.Text, "//go:embed testdata") {
				found = append(found, fmt.Sprintf("%s: a program must not embed testdata: .dockerignore excludes it from the image", s.at(comment)))
			}
		}
	}
	return found
}

// checkComments reports packages that do not have exactly one package comment.
func checkComments(sources []source) []string {
	var folders []string
	comments := map[string][]string{}
	for _, s := range sources {
		if s.test {
			continue
		}
		if !slices.Contains(folders, s.folder) {
			folders = append(folders, s.folder)
		}
		if s.ast.Doc != nil {
			comments[s.folder] = append(comments[s.folder], s.name)
		}
	}
	var found []string
	for _, folder := range folders {
		if n := len(comments[folder]); n != 1 {
			found = append(found, fmt.Sprintf("%s: %d package comments, expected one", folder, n))
		}
	}
	return found
}
