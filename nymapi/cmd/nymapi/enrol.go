package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/client"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// enrolFlags are the flags of `nymapi enrol`.
type enrolFlags struct {
	contract, keyFile, name string
	token, tokenFile        string
	addresses               []string
}

func newEnrol() *cobra.Command {
	f := &enrolFlags{}
	cmd := &cobra.Command{
		Use:   "enrol",
		Short: "Enrol the key of an Ephemera daemon as a member, or change its addresses",
		Long: `Enrol the key of an Ephemera daemon with the contract.

A Nym-API with an embedded node enrols by itself. In sidecar mode (nymapi run
--ephemera), run this command once before the daemon starts: the daemon waits
for the list of members.`,
		Example: `  nymapi enrol --contract http://127.0.0.1:8080 --token-file token --key-file net/1/data/key --name nymapi-1 --address /ip4/127.0.0.1/tcp/3000`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.contract, "contract", "http://127.0.0.1:8080", "address of the contract")
	flags.StringVar(&f.keyFile, "key-file", "", "file with the daemon's key: data/key in its folder")
	flags.StringVar(&f.name, "name", "", "name of the member (default: nymapi- and the end of the peer ID)")
	flags.StringSliceVar(&f.addresses, "address", nil, "multiaddrs at which other members reach the daemon")
	flags.StringVar(&f.token, "token", "", "the contract's token for new members")
	flags.StringVar(&f.tokenFile, "token-file", "", "file that contains the token, which other users must not be able to read; --token shows it to all of them")
	return cmd
}

// enrolWithin limits how long both requests may take.
const enrolWithin = 30 * time.Second

func (f *enrolFlags) run(ctx context.Context, out io.Writer) error {
	if f.keyFile == "" {
		return command.Usage("--key-file is missing, expected the daemon's key, such as --key-file ephemera/data/key")
	}
	token, err := command.Token("--token", f.token, f.tokenFile)
	if err != nil {
		return err
	}
	key, err := keys.Load(f.keyFile)
	if err != nil {
		return command.Usage("--key-file: %w", err)
	}
	asked, err := client.New(f.contract, nil)
	if err != nil {
		return command.Usage("--contract: %w", err)
	}
	defer asked.Close()
	// The counter must increase with every enrolment of a key, also on another machine.
	e := contract.Enrolment{Name: cmp.Or(f.name, "nymapi-"+key.Public().Short()), Addresses: f.addresses, Counter: uint64(time.Now().UnixMilli())}
	if e.Addresses == nil {
		e.Addresses = []string{}
	}
	if err := e.Check(); err != nil {
		return command.Usage("%w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, enrolWithin)
	defer cancel()
	info, err := asked.PeerInfo(ctx)
	if err != nil {
		return err
	}
	answer, err := asked.Enrol(ctx, e.Sign(key, info.Network, info.ContractKey), token)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is enrolled as %s: %d of %d members\n", key.Public(), e.Name, answer.Enrolled, answer.Expected)
	return err
}
