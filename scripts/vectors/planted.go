package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A bug is an error to plant.
type bug struct {
	name string // what is wrong with it, a sentence without a period
	file string // of the package
	old  string // exactly once in the file
	new  string
}

// A checked is a package that the examples in its folder vectors/testdata check.
type checked struct {
	root   string // the repository's
	module string // the folder of its module
	folder string // the package's folder in the module, "" for the module's root
}

// A finding is what the examples say about a copy of the package.
type finding struct {
	Checked  int    `json:"checked"`
	Failed   int    `json:"failed"`
	Error    string `json:"error"` // of the check itself
	Panicked string `json:"panicked"`
}

const modulePath = "github.com/ephemera-go/nym-rewarding/"

// find returns what the examples say about the package without a bug, and about each bug.
func (c checked) find(dir string, bugs []bug) ([]finding, error) {
	overlay := map[string]string{}
	add := func(virtual, content string) error {
		real := filepath.Join(dir, fmt.Sprintf("%05d.go", len(overlay)))
		overlay[virtual] = real
		return os.WriteFile(real, []byte(content), 0o600)
	}
	for i, b := range append([]bug{{}}, bugs...) {
		if err := c.copy(copyName(i), b, add); err != nil {
			return nil, fmt.Errorf("plant %q: %w", b.name, err)
		}
	}
	if err := add(c.path("planted", "main.go"), c.program(len(bugs)+1)); err != nil {
		return nil, err
	}
	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, replace, 0o600); err != nil {
		return nil, err
	}
	return c.run(list)
}

// run builds and runs the program of an overlay.
func (c checked) run(overlay string) ([]finding, error) {
	examples, err := filepath.Glob(c.path("vectors", "testdata", "*.json"))
	if err != nil {
		return nil, err
	}
	args := []string{"run", "-overlay", overlay, "./" + filepath.Join(c.folder, "planted")}
	cmd := exec.Command("go", append(args, examples...)...)
	cmd.Dir = filepath.Join(c.root, c.module)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run the planted bugs: %w: %s", err, stderr.Bytes())
	}
	var found []finding
	return found, json.Unmarshal(output, &found)
}

func copyName(i int) string { return fmt.Sprintf("planted%02d", i) }

// path returns an absolute path in the package's folder, because an overlay takes no other.
func (c checked) path(parts ...string) string {
	path, err := filepath.Abs(filepath.Join(append([]string{c.root, c.module, c.folder}, parts...)...))
	if err != nil {
		panic(err) // the working directory is gone
	}
	return path
}

func (c checked) importPath() string {
	return strings.TrimSuffix(modulePath+c.module+"/"+c.folder, "/")
}

// copy adds the package with a bug, and its checker, below the package's folder. Without a file the
// bug changes nothing.
func (c checked) copy(name string, b bug, add func(virtual, content string) error) error {
	planted := b.file == ""
	for _, folder := range []string{"", "vectors"} {
		files, err := filepath.Glob(c.path(folder, "*.go"))
		if err != nil {
			return err
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text := string(data)
			if folder == "" && filepath.Base(path) == b.file {
				if n := strings.Count(text, b.old); n != 1 {
					return fmt.Errorf("%s has %d times %q, expected once", b.file, n, b.old)
				}
				text, planted = strings.Replace(text, b.old, b.new, 1), true
			}
			text = strings.ReplaceAll(text, `"`+c.importPath()+`"`, `"`+c.importPath()+"/"+name+`"`)
			if err := add(c.path(name, folder, filepath.Base(path)), text); err != nil {
				return err
			}
		}
	}
	if !planted {
		return fmt.Errorf("file %s not found", b.file)
	}
	return nil
}

// program returns a main package that checks the files of its arguments with each of n copies.
func (c checked) program(n int) string {
	var imports, checks strings.Builder
	for i := range n {
		fmt.Fprintf(&imports, "\t%s %q\n", copyName(i), c.importPath()+"/"+copyName(i)+"/vectors")
		fmt.Fprintf(&checks, "\t\tcheck(func(data []byte) (int, int, error) { o, err := %s.Check(data); return o.Checked, len(o.Failures), err }),\n", copyName(i))
	}
	return fmt.Sprintf(plantedMain, imports.String(), checks.String())
}

const plantedMain = `package main

import (
	"encoding/json"
	"fmt"
	"os"

%s)

type finding struct {
	Checked  int    ` + "`json:\"checked\"`" + `
	Failed   int    ` + "`json:\"failed\"`" + `
	Error    string ` + "`json:\"error\"`" + `
	Panicked string ` + "`json:\"panicked\"`" + `
}

func main() {
	json.NewEncoder(os.Stdout).Encode([]finding{
%s	})
}

// check returns what all files together say.
func check(one func(data []byte) (int, int, error)) (f finding) {
	defer func() {
		if p := recover(); p != nil {
			f.Panicked = fmt.Sprint(p)
		}
	}()
	for _, path := range os.Args[1:] {
		data, err := os.ReadFile(path)
		checked, failed := 0, 0
		if err == nil {
			checked, failed, err = one(data)
		}
		if err != nil {
			f.Error = err.Error()
		}
		f.Checked, f.Failed = f.Checked+checked, f.Failed+failed
	}
	return f
}
`
