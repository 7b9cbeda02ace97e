package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// defaultHome returns EPHEMERA_HOME, or .ephemera in the user's home directory, or .ephemera here.
func defaultHome() string {
	if home := os.Getenv("EPHEMERA_HOME"); home != "" {
		return home
	}
	if user, err := os.UserHomeDir(); err == nil {
		return filepath.Join(user, ".ephemera")
	}
	return ".ephemera"
}

// folder returns the node's folder that the flags name.
func (c *cli) folder() daemon.Folder { return daemon.Folder{Dir: c.home, ConfigFile: c.config} }

// settingFlags adds a flag for every setting, and returns the values that are given.
func settingFlags(flags *pflag.FlagSet) map[string]string {
	given := map[string]string{}
	flags.SortFlags = false
	for _, field := range settings.Default().Fields() {
		flag := flags.VarPF(&settingFlag{key: field.Key, given: given, value: field.Value}, field.Key, "", field.Comment)
		if field.Value == "true" || field.Value == "false" {
			flag.NoOptDefVal = "true"
		}
	}
	return given
}

// settingFlag records a value; settings.Load parses it.
type settingFlag struct {
	key, value string
	given      map[string]string
}

func (f *settingFlag) String() string { return f.value }
func (f *settingFlag) Type() string   { return "value" }
func (f *settingFlag) Set(value string) error {
	f.value, f.given[f.key] = value, value
	return nil
}

// load reads the node's configuration, with the values of flags.
func (c *cli) load(flags map[string]string) (settings.Settings, settings.Origins, error) {
	if _, err := os.Stat(c.folder().Config()); c.config != "" && errors.Is(err, fs.ErrNotExist) {
		return settings.Settings{}, nil, fmt.Errorf("%w: no file %s", settings.ErrConfig, c.config)
	}
	return settings.Load(settings.Sources{File: c.folder().Config(), Environ: os.Environ(), Flags: flags})
}

func newInit(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create a node's folder: key, configuration with comments, list of members",
		Long: `Create a node's folder: key, configuration with comments, and a list of members
that holds this node alone.

Then put the entries of all members into one list, with n and number as its
comments say, give every node this list, and start the nodes.`,
		Example: `  ephemera init --home alice --node.name alice --node.network mynet \
    --p2p.listen /ip4/0.0.0.0/tcp/3000 --p2p.announce /dns4/alice.example/tcp/3000
  ephemera init --home bob --peers peers.toml`,
	}
	var peers string
	cmd.Flags().StringVar(&peers, "peers", "", "list of members to start with (default: this node alone)")
	given := settingFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, _, err := settings.Load(settings.Sources{Environ: os.Environ(), Flags: given})
		if err != nil {
			return err
		}
		made, err := daemon.Init(cmd.Context(), c.folder(), s, daemon.InitOptions{PeersFile: peers, Stores: stores()})
		if err != nil {
			return err
		}
		return c.print(cmd, made, func(w io.Writer) {
			fmt.Fprintf(w, "created %s\n  key       %s\n  config    %s\n  members   %s\n", made.Home, made.PeerID, made.Config, made.Peers)
			if made.Note != "" {
				fmt.Fprintf(w, "note: %s\n", made.Note)
			}
			fmt.Fprintf(w, "next: ephemera run --home %s\n", pasted(made.Home))
		})
	}
	return cmd
}

// identity is a key, for people.
type identity struct {
	File   string      `json:"file"`
	Key    keys.Public `json:"key"`
	PeerID string      `json:"peer_id"`
}

func (c *cli) printKey(cmd *cobra.Command, file string, key keys.Public) error {
	return c.print(cmd, identity{File: file, Key: key, PeerID: key.PeerID()}, func(w io.Writer) {
		text, _ := key.MarshalText() // never fails
		fmt.Fprintf(w, "peer ID  %s\nkey      %s\nfile     %s\n", key.PeerID(), text, file)
	})
}

func newKeys(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Show and create keys"}
	cmd.AddCommand(&cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the public key of this node, or of a key file",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := c.folder().Key()
			if len(args) > 0 {
				file = args[0]
			}
			key, err := keys.Load(file)
			if err != nil {
				return explainKey(err)
			}
			return c.printKey(cmd, file, key.Public())
		},
	}, &cobra.Command{
		Use:     "new FILE",
		Short:   "Create a key for a client, which may sign messages but is not a member",
		Example: "  ephemera keys new client.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keys.Create(args[0])
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s already exists and is not replaced; name another file", args[0])
			}
			if err != nil {
				return err
			}
			return c.printKey(cmd, args[0], key.Public())
		},
	})
	return cmd
}

func explainKey(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; `ephemera init` creates a node's key, `ephemera keys new FILE` another one", err)
	}
	return err
}
