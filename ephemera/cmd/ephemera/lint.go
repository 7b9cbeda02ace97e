package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
)

func newConfigLint(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Check the configuration and say what is unwise in production",
		Long: `Check the configuration and say what is unwise in production. The exit status is
2 for an error, and 0 for warnings, or 1 with --strict.`,
	}
	var strict bool
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with status 1 if there is a warning")
	given := settingFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, _, err := c.load(given)
		if err != nil {
			return err
		}
		warnings, err := daemon.Lint(cmd.Context(), daemon.Config{Folder: c.folder(), Settings: s, Stores: stores()})
		if err != nil {
			return err
		}
		if err := c.print(cmd, warnings, func(w io.Writer) {
			for _, warning := range warnings {
				if strings.HasPrefix(warning.Text, warning.Key) {
					fmt.Fprintln(w, warning.Text)
				} else {
					fmt.Fprintf(w, "%s: %s\n", warning.Key, warning.Text)
				}
			}
			if len(warnings) == 0 {
				fmt.Fprintln(w, "no warnings")
			}
		}); err != nil {
			return err
		}
		if strict && len(warnings) > 0 {
			return errors.New(counted(len(warnings), "warning"))
		}
		return nil
	}
	return cmd
}
