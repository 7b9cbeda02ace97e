package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

func newSubmit(c *cli) *cobra.Command {
	var url, label, file, keyFile, network string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "submit [TEXT]",
		Short: "Submit a message: a text, a file, or standard input",
		Long: `Submit a message: a text, a file, or standard input. The node signs it with its
own key, which it does for callers on its own machine. With --key the command
signs it, with a key that the node knows as that of a client (node.clients) or
of a member.

An accepted message waits for a block, in memory. With --wait the command ends
when a certified block holds the message.`,
		Example: `  ephemera submit --label greeting "hello"
  ephemera submit --label report --file report.bin --key client.key --url http://127.0.0.1:3100`,
		Args: cobra.MaximumNArgs(1),
	}
	connects(c, cmd, &url)
	flags := cmd.Flags()
	flags.StringVar(&label, "label", "", "kind of the data, at most 64 bytes")
	flags.StringVar(&file, "file", "", "file to send instead of TEXT; - is standard input")
	flags.StringVar(&keyFile, "key", "", "file of the key to sign with (default: the node signs)")
	flags.StringVar(&network, "network", "", "with --key: the network to sign for (default: that of the node)")
	flags.DurationVar(&wait, "wait", 0, "how long to wait for a certified block that holds the message, whose ID is printed")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		payload, err := payloadOf(cmd, args, file)
		if err != nil {
			return err
		}
		node, err := c.connect(url)
		if err != nil {
			return err
		}
		submission := api.Submission{Label: label, Payload: payload}
		if keyFile != "" {
			if submission, err = sign(cmd.Context(), node, keyFile, network, label, payload); err != nil {
				return err
			}
		}
		result, err := submit(cmd.Context(), node, submission, wait)
		if err != nil {
			return err
		}
		return c.print(cmd, result, func(w io.Writer) {
			fmt.Fprintf(w, "message %s\n", result.ID)
			if result.Block != nil {
				fmt.Fprintf(w, "block %s\n", *result.Block)
			}
		})
	}
	return cmd
}

// submission is the result of submitting a message.
type submission struct {
	api.Submitted
	Block *block.ID `json:"block,omitempty"`
}

// submit submits a message and, with a time to wait, looks for it in new blocks.
func submit(ctx context.Context, node api.API, s api.Submission, wait time.Duration) (submission, error) {
	if wait <= 0 {
		submitted, err := node.SubmitEphemeraMessage(ctx, s)
		return submission{Submitted: submitted}, err
	}
	before, err := node.ListBlocks(ctx, api.ListQuery{From: api.Now})
	if err != nil {
		return submission{}, err
	}
	submitted, err := node.SubmitEphemeraMessage(ctx, s)
	if err != nil {
		return submission{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for entry, err := range node.Subscribe(ctx, api.Subscription{From: before.Next, Label: s.Label}) {
		if errors.Is(err, context.DeadlineExceeded) {
			return submission{}, fmt.Errorf("message %s was accepted, but no certified block held it within %s; is a quorum online, and does this node create blocks? (ephemera status, config show)", submitted.ID, wait)
		}
		if err != nil {
			return submission{}, fmt.Errorf("wait for a block: %w", err)
		}
		for _, m := range entry.Block.Messages {
			if m.ID == submitted.ID {
				return submission{Submitted: submitted, Block: &entry.Block.ID}, nil
			}
		}
	}
	return submission{}, fmt.Errorf("wait for a block: %w", ctx.Err())
}

// payloadOf returns the payload that arguments and flags give.
func payloadOf(cmd *cobra.Command, args []string, file string) ([]byte, error) {
	switch {
	case len(args) > 0 && file != "":
		return nil, command.Usage("TEXT and --file are both given, expected one of them")
	case len(args) > 0:
		return []byte(args[0]), nil
	case file == "":
		return nil, command.Usage("nothing to send: give a TEXT, or --file FILE, or --file - for standard input")
	}
	return readInput(cmd, file, int64(membership.MaxLimits().PayloadBytes)) // the limit of any group
}

// sign signs a message with a key in a file.
func sign(ctx context.Context, node api.API, keyFile, network, label string, payload []byte) (api.Submission, error) {
	key, err := keys.Load(keyFile)
	if err != nil {
		return api.Submission{}, explainKey(err)
	}
	if network == "" {
		group, err := node.QueryBroadcastGroup(ctx, newest)
		if err != nil {
			return api.Submission{}, fmt.Errorf("query the network: %w", err)
		}
		network = group.Network
	}
	m, err := block.NewMessage(key, network, label, payload, time.Now().UnixMilli())
	if err != nil {
		return api.Submission{}, command.Usage("%w", err)
	}
	return api.Signed(m), nil
}

func newBlocks(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "blocks", Short: "Watch blocks arrive"}
	var url, creator, from string
	var own bool
	var label string
	var count int
	follow := &cobra.Command{
		Use:   "follow",
		Short: "Print certified blocks as the node receives them, until interrupted",
		Long: `Print certified blocks as the node receives them, until interrupted; with
-o json one line each. --from takes the cursor of the last block that you have
seen, so that no block is missed or repeated. A signal ends it with status 0 or,
with --count, 130.`,
		Example: `  ephemera blocks follow --from beginning
  ephemera blocks follow --label report -o json`,
	}
	connects(c, follow, &url)
	flags := follow.Flags()
	flags.BoolVar(&own, "own", false, "only the node's own blocks")
	flags.StringVar(&creator, "creator", "", "only blocks of this member")
	flags.StringVar(&label, "label", "", "only blocks with a message of this label")
	flags.StringVar(&from, "from", "now", "start after this cursor, or: beginning, now")
	flags.IntVar(&count, "count", 0, "number of blocks after which to end; 0: never")
	follow.RunE = func(cmd *cobra.Command, _ []string) error {
		if count < 0 {
			return command.Usage("--count %d, expected 0 or more", count)
		}
		subscription := api.Subscription{Own: own, Label: label}
		var err error
		if subscription.From, err = parseCursor(from); err != nil {
			return err
		}
		if subscription.Creator, err = parseKey("--creator", creator); err != nil {
			return err
		}
		node, err := c.connect(url)
		if err != nil {
			return err
		}
		return c.follow(cmd, node, subscription, count)
	}
	cmd.AddCommand(follow)
	return cmd
}

func (c *cli) follow(cmd *cobra.Command, node api.API, subscription api.Subscription, count int) error {
	printed := 0
	for entry, err := range node.Subscribe(cmd.Context(), subscription) {
		if err != nil {
			if count == 0 && errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // it follows until it is interrupted
			}
			return err
		}
		if err := c.printEntry(cmd, entry); err != nil {
			return err
		}
		if printed++; printed == count {
			return nil
		}
	}
	return nil
}
