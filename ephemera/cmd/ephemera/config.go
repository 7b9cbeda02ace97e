package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// setting is a configured value, for people.
type setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

func newConfig(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show and check the configuration"}
	cmd.AddCommand(newConfigShow(c), newConfigLint(c))
	return cmd
}

func newConfigShow(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the effective configuration: flag before environment before file before default",
		Example: `  ephemera config show --origin
  EPHEMERA_HTTP__LISTEN=127.0.0.1:0 ephemera config show --origin --log.level debug`,
	}
	var origin bool
	cmd.Flags().BoolVar(&origin, "origin", false, "also print where each value comes from")
	given := settingFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, origins, err := c.load(given)
		if err != nil {
			return err
		}
		var all []setting
		for _, f := range s.Fields() {
			all = append(all, setting{Key: f.Key, Value: f.Value, Origin: origins[f.Key]})
		}
		if !origin && c.output == "text" {
			text, err := s.Encode()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		}
		return c.print(cmd, all, func(w io.Writer) {
			table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
			for _, s := range all {
				fmt.Fprintf(table, "%s\t%q\t%s\n", s.Key, s.Value, s.Origin)
			}
			_ = table.Flush() // into memory
		})
	}
	return cmd
}

// about describes this program.
type about struct {
	Version string   `json:"version"`
	Commit  string   `json:"commit,omitempty"`
	Go      string   `json:"go"`
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	Tags    string   `json:"tags,omitempty"`
	Modules []string `json:"modules,omitempty"`
}

func newVersion(c *cli) *cobra.Command {
	var long bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version",
		RunE: func(cmd *cobra.Command, _ []string) error {
			a := describe(long)
			return c.print(cmd, a, func(w io.Writer) {
				fmt.Fprintf(w, "ephemera %s\n", a.Version)
				if !long {
					return
				}
				fmt.Fprintf(w, "commit %s\ngo %s %s/%s\ntags %s\n", a.Commit, a.Go, a.OS, a.Arch, a.Tags)
				for _, m := range a.Modules {
					fmt.Fprintln(w, m)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&long, "long", false, "also print how it was built, and from which modules")
	return cmd
}

func describe(modules bool) about {
	a := about{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return a
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			a.Commit = s.Value
		case "-tags":
			a.Tags = s.Value
		}
	}
	if modules {
		for _, m := range info.Deps {
			a.Modules = append(a.Modules, m.Path+" "+m.Version)
		}
	}
	return a
}
