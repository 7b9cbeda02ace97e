package command_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

var (
	errHalted  = errors.New("halted")
	errUnclear = errors.New("dial: E99")
	errConfig  = errors.New("bad configuration")
)

// program returns a program with a command that ends with err and prints what it was given.
func program(err error) command.Program {
	root := &cobra.Command{Use: "tool"}
	work := &cobra.Command{Use: "work", RunE: func(cmd *cobra.Command, _ []string) error {
		count, _ := cmd.Flags().GetInt("count")
		input, readErr := io.ReadAll(cmd.InOrStdin())
		fmt.Fprintf(cmd.OutOrStdout(), "count %d, input %q\n", count, input)
		return errors.Join(err, readErr)
	}}
	work.Flags().Int("count", 1, "")
	open := &cobra.Command{Use: "open FILE", Args: cobra.ExactArgs(1), RunE: func(*cobra.Command, []string) error { return nil }}
	keys := &cobra.Command{Use: "keys"}
	keys.AddCommand(&cobra.Command{Use: "show", RunE: func(*cobra.Command, []string) error { return nil }})
	root.AddCommand(work, open, keys)
	return command.Program{Root: root, Version: "v1", Environment: true, Explain: func(err error) command.Outcome {
		switch {
		case errors.Is(err, errHalted):
			return command.Outcome{Status: command.ExitHalted, Advice: "Find the other one first"}
		case errors.Is(err, errUnclear):
			return command.Outcome{Text: "nobody answers"}
		case errors.Is(err, errConfig):
			return command.Outcome{Status: command.ExitUsage, Help: true}
		}
		return command.Outcome{}
	}}
}

func call(t *testing.T, p command.Program, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	status = p.Run(t.Context(), args, strings.NewReader("typed"), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestWrongCommandLinesExitWithTwoAndSayWhatWasMeant(t *testing.T) {
	for args, want := range map[string]string{
		"wrok":             `tool has no command "wrok", did you mean "work"?` + "\nSee: tool --help\n",
		"zzz":              `tool has no command "zzz"` + "\nSee: tool --help\n",
		"keys shwo":        `tool keys has no command "shwo", did you mean "show"?` + "\nSee: tool keys --help\n",
		"work now":         `tool work takes no argument, got "now"` + "\nSee: tool work --help\n",
		"keys show all":    `tool keys show takes no argument, got "all"` + "\nSee: tool keys show --help\n",
		"version long":     `tool version takes no argument, got "long"` + "\nSee: tool version --help\n",
		"open":             "tool open: accepts 1 arg(s), received 0\nSee: tool open --help\n",
		"work --nonsense":  "unknown flag: --nonsense\nSee: tool work --help\n",
		"work --count=two": `invalid argument "two" for "--count": expected a whole number, such as --count=1` + "\nSee: tool work --help\n",
	} {
		status, out, errs := call(t, program(nil), strings.Fields(args)...)
		require.Equal(t, command.ExitUsage, status, args)
		require.Empty(t, out, args)
		require.Equal(t, "tool: "+want, errs)
	}
}

func TestCommandsRunAndSayTheirVersion(t *testing.T) {
	status, out, errs := call(t, program(nil), "work", "--count", "3")
	require.Zero(t, status, errs)
	require.Equal(t, "count 3, input \"typed\"\n", out)
	_, out, _ = call(t, program(nil), "version")
	require.Equal(t, "tool v1\n", out)
	_, out, _ = call(t, program(nil), "keys")
	require.Contains(t, out, "tool keys [command]", "a command with others below it shows its help")
}

func TestProgramKeepsItsOwnVersionCommandAndCheck(t *testing.T) {
	p := program(nil)
	p.Root.AddCommand(&cobra.Command{Use: "version", RunE: func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), "own")
		return err
	}})
	p.Root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Name() == "work" {
			return command.Usage("not today")
		}
		return nil
	}
	_, out, _ := call(t, p, "version")
	require.Equal(t, "own", out)
	_, out, _ = call(t, p, "--help")
	require.Equal(t, 1, strings.Count(out, "\n  version"), out)
	status, _, errs := call(t, p, "work")
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, errs, "not today")
}

func TestErrorsEndAsTheProgramExplains(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		errs   string
	}{
		{errors.New("broke"), command.ExitFailure, "tool: broke\n"},
		{errHalted, command.ExitHalted, "tool: halted\nFind the other one first\n"},
		{errUnclear, command.ExitFailure, "tool: nobody answers\n"},
		{errConfig, command.ExitUsage, "tool: bad configuration\nSee: tool work --help\n"},
		{command.Usage("--count %d: %w", 0, errHalted), command.ExitUsage, "tool: --count 0: halted\nSee: tool work --help\n"},
	} {
		status, _, errs := call(t, program(c.err), "work")
		require.Equal(t, c.status, status)
		require.Equal(t, c.errs, errs)
	}
	p := program(errHalted)
	p.Explain = nil
	status, _, _ := call(t, p, "work")
	require.Equal(t, command.ExitFailure, status)
}

func TestFlagBeforeEnvironmentBeforeDefault(t *testing.T) {
	t.Setenv("TOOL_COUNT", "7")
	_, out, _ := call(t, program(nil), "work")
	require.Contains(t, out, "count 7")
	_, out, _ = call(t, program(nil), "work", "--count", "3")
	require.Contains(t, out, "count 3")
	without := program(nil)
	without.Environment = false
	_, out, _ = call(t, without, "work")
	require.Contains(t, out, "count 1")
	t.Setenv("TOOL_COUNT", "many")
	status, _, errs := call(t, program(nil), "work")
	require.Equal(t, command.ExitUsage, status)
	require.Contains(t, errs, `environment variable TOOL_COUNT: invalid argument "many"`)
}

// A variable with a typing error is a wrong command line, for whichever command it was meant. One
// that looks like none of the program's is named and has no effect.
func TestUnknownVariablesOfTheProgramAreNamed(t *testing.T) {
	t.Setenv("TOOL_CUONT", "7")
	for _, args := range []string{"work", "keys show", "version"} {
		status, _, errs := call(t, program(nil), strings.Fields(args)...)
		require.Equal(t, command.ExitUsage, status, args)
		require.Contains(t, errs, "TOOL_CUONT: unknown variable, did you mean TOOL_COUNT?", args)
	}
	without := program(nil)
	without.Environment = false
	status, _, errs := call(t, without, "work")
	require.Zero(t, status, errs)
	require.Empty(t, errs, "a program that reads no variable has none")
	without.Variables = []string{"TOOL_CUONT", "TOOL_HOME"}
	t.Setenv("TOOL_COLOUR", "red")
	status, _, errs = call(t, without, "work")
	require.Zero(t, status, errs)
	require.Equal(t, "tool: warning: TOOL_COLOUR: unknown variable, it has no effect\n", errs)
}

func TestTokenIsGivenOrReadFromAFile(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	exposed := file("exposed", "secret")
	require.NoError(t, os.Chmod(exposed, 0o644))
	for _, c := range []struct{ token, file, want, err string }{
		{want: ""},
		{token: "a", want: "a"},
		{token: "a\n", err: "line end around it"},
		{token: " a", err: "blank"},
		{token: "a\tb", err: "control character"},
		{file: file("token", " secret\n"), want: "secret"},
		{file: file("edited", "\xef\xbb\xbfsecret\r\n\r\n"), want: "secret"},
		{file: file("wide", "\xff\xfes\x00"), err: "save it as UTF-8"},
		{file: file("blank", " \n"), err: "is empty"},
		{file: filepath.Join(folder, "missing"), err: "does not exist"},
		{token: "a", file: "b", err: "--token and --token-file are both given"},
		{file: folder, err: "--token-file: "},
		{file: exposed, err: "chmod 600"},
	} {
		token, err := command.Token("--token", c.token, c.file)
		require.Equal(t, c.want, token)
		if c.err == "" {
			require.NoError(t, err)
			continue
		}
		var usage *command.UsageError
		require.ErrorAs(t, err, &usage)
		require.ErrorContains(t, err, c.err)
	}
}

func TestCreatedTokenIsPrivateAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, command.CreateToken("--token", path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	token, err := command.Token("--token", "", path)
	require.NoError(t, err)
	require.Regexp(t, "^[0-9a-f]{32}$", token)
	require.NoError(t, command.CreateToken("--token", path))
	again, err := command.Token("--token", "", path)
	require.NoError(t, err)
	require.Equal(t, token, again)
	other := path + "2"
	require.NoError(t, command.CreateToken("--token", other))
	different, err := command.Token("--token", "", other)
	require.NoError(t, err)
	require.NotEqual(t, token, different)

	var usage *command.UsageError
	require.ErrorAs(t, command.CreateToken("--token", ""), &usage)
	require.ErrorAs(t, command.CreateToken("--token", filepath.Join(filepath.Dir(path), "none", "token")), &usage)
}

func TestLogFlags(t *testing.T) {
	for args, want := range map[string]string{
		"":                           `"level":"info"`,
		"--log-format=text":          "level=info",
		"--log-level=warn":           "",
		"--log-level=warn,part=info": `"logger":"part"`,
		"--log-level=loud":           `--log-level "loud": expected debug`,
		"--log-format=xml":           `--log-format "xml": expected text`,
	} {
		var log command.Log
		cmd := &cobra.Command{}
		log.Add(cmd.Flags())
		require.NoError(t, cmd.ParseFlags(strings.Fields(args)))
		var out strings.Builder
		logger, err := log.Logger(&out)
		if err != nil {
			var usage *command.UsageError
			require.ErrorAs(t, err, &usage)
			require.ErrorContains(t, err, want, args)
			continue
		}
		logger.With("logger", "part").Info("event")
		require.Equal(t, want == "", out.String() == "", args)
		require.Contains(t, out.String(), want, args)
	}
}
