package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon"
	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/settings"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// newest queries the newest group.
var newest = api.GroupQuery{}

// connects adds the flags that select a node and authenticate the caller.
func connects(c *cli, cmd *cobra.Command, url *string) {
	cmd.Flags().StringVar(url, "url", os.Getenv("EPHEMERA_URL"), "address of the node's API; also EPHEMERA_URL (default: the node in --home)")
	cmd.Flags().StringVar(&c.tokenFile, "token-file", os.Getenv("EPHEMERA_TOKEN_FILE"),
		"file with the node's bearer token (http.token_file), with which it signs for callers on other machines; only its owner may have access; also EPHEMERA_TOKEN_FILE")
}

// initialised returns an error that says what to do if the folder holds no node.
func (c *cli) initialised() error {
	missing := func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist)
	}
	config, key := c.folder().Config(), c.folder().Key()
	switch noConfig, noKey := missing(config), missing(key); {
	case noConfig && noKey:
		return fmt.Errorf("%w: no node in %s (no %s); `ephemera init --home %s` creates one", settings.ErrConfig, c.home, config, pasted(c.home))
	case noConfig:
		return fmt.Errorf("%w: the node in %s has lost its configuration: restore %s, or write one with the settings of another member", settings.ErrConfig, c.home, config)
	case noKey:
		return fmt.Errorf("%w: the node in %s has lost its key: restore %s from its backup; without one, create a new node in another folder, "+
			"and replace the key in the list of members", settings.ErrConfig, c.home, key)
	}
	return nil
}

// connect returns the API of the node at an address, or of the one in --home.
func (c *cli) connect(url string) (api.API, error) {
	if url == "" {
		var err error
		if url, err = c.local(); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	token, err := command.Token("--token", "", c.tokenFile)
	if err != nil {
		return nil, err
	}
	return client.New(url, client.Options{Token: token})
}

// local returns the address of the node in --home.
func (c *cli) local() (string, error) {
	if err := c.initialised(); err != nil {
		return "", fmt.Errorf("%w, or select a node with --url", err)
	}
	s, _, err := c.load(nil)
	if err != nil {
		return "", err
	}
	if s.HTTP.Listen == "" {
		return "", command.Usage("the node in %s serves no API: set http.listen, or select a node with --url", c.home)
	}
	// Flags and variables of `ephemera run` may have set another address than the file.
	running, err := daemon.ReadAddresses(c.folder())
	if err == nil && running.HTTP != "" {
		return running.HTTP, nil
	}
	host, port, splitErr := net.SplitHostPort(s.HTTP.Listen)
	if splitErr != nil {
		return "", splitErr
	}
	if port == "0" {
		return "", errors.Join(fmt.Errorf("the node in %s has never run; start it with `ephemera run --home %s`", c.home, pasted(c.home)), err)
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// table aligns columns.
type table struct{ *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

func (t table) end() { _ = t.Flush() } // into memory

// counted returns a number with its noun, such as "1 block" or "2 blocks".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func list(texts []string) string {
	if len(texts) == 0 {
		return "-"
	}
	return strings.Join(texts, ",")
}
