package documents

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// programs maps the project's commands, by the names that documents use, to their packages.
var programs = map[string]string{
	"bin/ephemera": "./ephemera/cmd/ephemera", "bin/nymapi": "./nymapi/cmd/nymapi", "bin/contract": "./contract/cmd/contract",
}

// A checker checks the documents of the repository at root. It builds into folder.
type checker struct {
	root, folder string
	makefile     string
	variables    string // text that contains every variable that a make command may set
}

// newChecker reads the files that the checks refer to.
func newChecker(root, folder string) (*checker, error) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return nil, err
	}
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		return nil, err
	}
	return &checker{root: root, folder: folder, makefile: string(makefile), variables: string(makefile) + string(compose)}, nil
}

// compile builds each Go block as a package of its own that exists only in an overlay. It returns
// the compiler's messages.
func (c *checker) compile(ctx context.Context, code []block) (string, error) {
	overlay := map[string]string{}
	byModule := map[string][]string{}
	for i, b := range code {
		module := "nymapi"
		if first, _, inside := strings.Cut(b.document, "/"); inside {
			if _, err := os.Stat(filepath.Join(c.root, first, "go.mod")); err == nil {
				module = first
			}
		}
		text := filepath.Join(c.folder, fmt.Sprintf("block%d.go", i))
		// The line directive makes the compiler's messages refer to the document.
		lines := fmt.Sprintf("//line %s:%d\n%s", b.document, b.line, b.text)
		if err := os.WriteFile(text, []byte(lines), 0o600); err != nil {
			return "", err
		}
		folder := fmt.Sprintf("documented%d", i)
		overlay[filepath.Join(c.root, module, folder, "block.go")] = text
		byModule[module] = append(byModule[module], "./"+folder)
	}
	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", err
	}
	file := filepath.Join(c.folder, "overlay.json")
	if err := os.WriteFile(file, replace, 0o600); err != nil {
		return "", err
	}
	var messages strings.Builder
	for module, folders := range byModule {
		build := exec.CommandContext(ctx, "go", append([]string{"build", "-o", os.DevNull, "-overlay", file}, folders...)...)
		build.Dir = filepath.Join(c.root, module)
		build.Env = append(os.Environ(), "GOWORK=off")
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(&messages, "%s%v\n", output, err)
		}
	}
	return messages.String(), nil
}

// build compiles the project's commands into the checker's folder.
func (c *checker) build(ctx context.Context) error {
	for name, source := range programs {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(c.folder, path.Base(name)), source)
		build.Dir = c.root
		build.Env = append(os.Environ(), "GOWORK=")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", source, err, output)
		}
	}
	return nil
}

// command returns what is wrong with a simple command.
func (c *checker) command(ctx context.Context, words []string) []string {
	words = strip(words)
	if len(words) == 0 {
		return nil
	}
	name := strings.TrimPrefix(words[0], "./")
	switch {
	case name == "make":
		return c.makeCommand(ctx, words[1:])
	case programs[name] != "":
		return c.flags(ctx, name, words[1:])
	case strings.HasPrefix(name, "scripts/"), strings.HasPrefix(name, ".ci/"):
		if info, err := os.Stat(filepath.Join(c.root, name)); err != nil || info.Mode()&0o111 == 0 {
			return []string{name + " is not a script of the repository"}
		}
	}
	return nil
}

// makeCommand checks the targets and variables of a make command.
func (c *checker) makeCommand(ctx context.Context, words []string) []string {
	var wrong []string
	known := targets(c.makefile)
	for _, w := range words {
		set := assignment.FindStringSubmatch(w)
		switch {
		case set != nil && !strings.Contains(c.variables, set[1]):
			wrong = append(wrong, "nothing reads the variable "+set[1])
		case set != nil && set[1] == "ARGS" && slices.Contains(words, "compare"):
			wrong = append(wrong, c.flags(ctx, "bin/nymapi", append([]string{"compare"}, strings.Fields(set[2])...))...)
		case set == nil && !strings.HasPrefix(w, "-") && !slices.Contains(known, w):
			wrong = append(wrong, "the Makefile has no target "+w)
		}
	}
	return wrong
}

// flags checks a command of one of the programs against the help text of its subcommand.
func (c *checker) flags(ctx context.Context, program string, words []string) []string {
	arguments, flags := split(words)
	help, err := exec.CommandContext(ctx, filepath.Join(c.folder, path.Base(program)), append(arguments, "--help")...).CombinedOutput()
	if err != nil {
		return []string{fmt.Sprintf("%s %s --help: %v: %s", program, strings.Join(arguments, " "), err, help)}
	}
	var wrong []string
	known := flagsOf(string(help))
	for _, flag := range flags {
		if !slices.Contains(known, flag) {
			wrong = append(wrong, fmt.Sprintf("%s %s has no flag %s", program, strings.Join(arguments, " "), flag))
		}
	}
	return wrong
}
