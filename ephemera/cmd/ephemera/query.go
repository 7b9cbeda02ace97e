package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
)

// query is a command that queries a node, with the text form of the answer.
type query struct {
	use, short, example string
	args                cobra.PositionalArgs
	flags               func(*cobra.Command)
	ask                 func(cmd *cobra.Command, node api.API, args []string) (any, error)
	text                func(w io.Writer, answer any)
}

func newQuery(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "query", Short: "Query a running node: blocks, certificates, members, values, configuration"}
	for _, q := range append(blockQueries(&chainFlags{}), nodeQueries()...) {
		cmd.AddCommand(c.query(q))
	}
	cmd.AddCommand(newQueryBlocks(c), newDHT(c))
	return cmd
}

// blockQueries are the queries about blocks.
func blockQueries(chain *chainFlags) []query {
	return []query{
		{
			use: "block BLOCK", short: "A certified block, by its ID or last", args: cobra.ExactArgs(1), flags: chain.add,
			example: "  ephemera query block last",
			ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
				if args[0] == "last" {
					return chain.last(cmd, node)
				}
				id, err := parseBlock(args[0])
				if err != nil {
					return nil, err
				}
				return node.QueryBlockByHash(cmd.Context(), id)
			},
			text: blockText,
		},
		{
			use: "height HEIGHT", short: "The certified block of a chain at a height", args: cobra.ExactArgs(1), flags: chain.add,
			ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
				height, err := strconv.ParseUint(args[0], 10, 64)
				if err != nil || height == 0 {
					return nil, command.Usage("height %q, expected a number from 1", args[0])
				}
				creator, err := parseKey("--creator", chain.creator)
				if err != nil {
					return nil, err
				}
				return node.QueryBlockByHeight(cmd.Context(), api.SlotQuery{Height: height, Creator: creator, Group: chain.group})
			},
			text: blockText,
		},
		{
			use: "last", short: "The last certified block of a chain", flags: chain.add, text: blockText,
			ask: func(cmd *cobra.Command, node api.API, _ []string) (any, error) { return chain.last(cmd, node) },
		},
		{
			use: "certificates BLOCK", short: "A block's certificate, by the block's ID or last, to verify offline", args: cobra.ExactArgs(1), flags: chain.add,
			example: "  ephemera query certificates last -o json > certificate.json",
			ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
				id, err := chain.block(cmd, node, args[0])
				if err != nil {
					return nil, err
				}
				return node.QueryBlockCertificates(cmd.Context(), id)
			},
			text: func(w io.Writer, answer any) { certificateText(w, answer.(api.Certificate)) },
		},
		{
			use: "broadcast-info BLOCK", short: "How a block was broadcast: who echoed it, and when", args: cobra.ExactArgs(1), flags: chain.add,
			ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
				id, err := chain.block(cmd, node, args[0])
				if err != nil {
					return nil, err
				}
				return node.QueryBlockBroadcastInfo(cmd.Context(), id)
			},
		},
		{
			use: "message BLOCK MESSAGE", short: "Whether a block holds a message, with a proof", args: cobra.ExactArgs(2),
			ask: askInclusion,
			text: func(w io.Writer, answer any) {
				i := answer.(api.Inclusion)
				fmt.Fprintf(w, "included %t, proved by the Merkle root of block %s\n", i.Included, i.Header.ID)
			},
		},
	}
}

// nodeQueries are the queries about the node and its group.
func nodeQueries() []query {
	return []query{
		{
			use: "group [NUMBER]", short: "A group, the newest by default", args: cobra.MaximumNArgs(1),
			example: "  ephemera query group -o json > group.json",
			ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
				q := newest
				if len(args) > 0 {
					number, err := strconv.ParseUint(args[0], 10, 64)
					if err != nil {
						return nil, command.Usage("group number %q, expected a whole number from 1", args[0])
					}
					q.Number = number
				}
				return node.QueryBroadcastGroup(cmd.Context(), q)
			},
			text: func(w io.Writer, answer any) { groupText(w, answer.(api.Group)) },
		},
		{
			use: "evidence", short: "Proofs of equivocation that the node holds",
			ask: func(cmd *cobra.Command, node api.API, _ []string) (any, error) { return node.Evidence(cmd.Context()) },
		},
		{
			use: "forks", short: "Chains that have stopped, because two blocks of a slot are certified",
			ask:  func(cmd *cobra.Command, node api.API, _ []string) (any, error) { return node.Forks(cmd.Context()) },
			text: func(w io.Writer, answer any) { forksText(w, answer.([]api.Fork)) },
		},
		{
			use: "config", short: "The node's configuration, without secrets",
			ask: func(cmd *cobra.Command, node api.API, _ []string) (any, error) {
				return node.QueryEphemeraConfig(cmd.Context())
			},
		},
		{
			use: "health", short: "Whether the node is ready: exit status 1 if it is not",
			ask:  func(cmd *cobra.Command, node api.API, _ []string) (any, error) { return node.Health(cmd.Context()) },
			text: func(w io.Writer, answer any) { healthText(w, answer.(api.Health)) },
		},
	}
}

// query returns the command of a query.
func (c *cli) query(q query) *cobra.Command {
	var url string
	cmd := &cobra.Command{Use: q.use, Short: q.short, Example: q.example, Args: q.args}
	connects(c, cmd, &url)
	if q.flags != nil {
		q.flags(cmd)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		node, err := c.connect(url)
		if err != nil {
			return err
		}
		answer, err := q.ask(cmd, node, args)
		if err != nil {
			return err
		}
		if err := c.print(cmd, answer, func(w io.Writer) {
			if q.text != nil {
				q.text(w, answer)
				return
			}
			encoder := json.NewEncoder(w)
			encoder.SetIndent("", "  ")
			_ = encoder.Encode(answer) // into memory; an answer that came as JSON can be encoded
		}); err != nil {
			return err
		}
		if h, isHealth := answer.(api.Health); isHealth && !h.Ready {
			return fmt.Errorf("the node is not ready: %s", h.Reason)
		}
		return nil
	}
	return cmd
}

// chainFlags are the flags that select a chain.
type chainFlags struct {
	creator string
	group   uint64
}

func (f *chainFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.creator, "creator", "", "member that created the chain (default: the node itself)")
	cmd.Flags().Uint64Var(&f.group, "group", 0, "number of the group (default: the newest)")
}

func (f *chainFlags) last(cmd *cobra.Command, node api.API) (api.Block, error) {
	creator, err := parseKey("--creator", f.creator)
	if err != nil {
		return api.Block{}, err
	}
	return node.QueryLastBlock(cmd.Context(), api.ChainQuery{Creator: creator, Group: f.group})
}

// block returns the ID of the block that an argument names.
func (f *chainFlags) block(cmd *cobra.Command, node api.API, name string) (block.ID, error) {
	if name != "last" {
		return parseBlock(name)
	}
	last, err := f.last(cmd, node)
	return last.ID, err
}

func askInclusion(cmd *cobra.Command, node api.API, args []string) (any, error) {
	var question api.InclusionQuery
	var err error
	if question.Block, err = parseBlock(args[0]); err != nil {
		return nil, err
	}
	if err := question.Message.UnmarshalText([]byte(args[1])); err != nil {
		return nil, command.Usage("message %q, expected an ID of 64 hexadecimal digits", args[1])
	}
	answer, err := node.VerifyMessageInBlock(cmd.Context(), question)
	if err != nil {
		return nil, err
	}
	return answer, answer.Verify(question)
}

func newQueryBlocks(c *cli) *cobra.Command {
	var creator, from string
	var limit int
	return c.query(query{
		use: "blocks", short: "Certified blocks in the order in which the node received them, a page at a time",
		example: "  ephemera query blocks --from 120 --limit 10",
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&creator, "creator", "", "only blocks of this member")
			cmd.Flags().StringVar(&from, "from", "beginning", "cursor of the last block that you have seen")
			cmd.Flags().IntVar(&limit, "limit", 20, fmt.Sprintf("maximum number of blocks, 1..%d", api.MaxPage))
		},
		ask: func(cmd *cobra.Command, node api.API, _ []string) (any, error) {
			if limit < 1 || limit > api.MaxPage {
				return nil, command.Usage("--limit %d, expected 1..%d", limit, api.MaxPage)
			}
			after, err := parseCursor(from)
			if err != nil {
				return nil, err
			}
			key, err := parseKey("--creator", creator)
			if err != nil {
				return nil, err
			}
			return node.ListBlocks(cmd.Context(), api.ListQuery{Creator: key, From: after, Limit: limit})
		},
		text: func(w io.Writer, answer any) {
			page := answer.(api.BlockPage)
			for _, entry := range page.Blocks {
				entryText(w, entry)
			}
			fmt.Fprintf(w, "next: --from %d\n", page.Next)
		},
	})
}

func newDHT(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "dht", Short: "Values that members share under a name"}
	var file string
	cmd.AddCommand(c.query(query{
		use: "get KEY", short: "The newest value under a key", args: cobra.ExactArgs(1),
		ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
			value, err := node.QueryDHT(cmd.Context(), args[0])
			return api.DHTEntry{Key: args[0], Value: value}, err
		},
		text: func(w io.Writer, answer any) { fmt.Fprintf(w, "%s\n", answer.(api.DHTEntry).Value) },
	}), c.query(query{
		use: "put KEY [VALUE]", short: "Store a value under a key, signed by the node", args: cobra.RangeArgs(1, 2),
		flags: func(cmd *cobra.Command) { cmd.Flags().StringVar(&file, "file", "", "file that holds the value") },
		ask: func(cmd *cobra.Command, node api.API, args []string) (any, error) {
			value, err := payloadOf(cmd, args[1:], file)
			if err != nil {
				return nil, err
			}
			return api.DHTEntry{Key: args[0], Value: value}, node.StoreInDHT(cmd.Context(), args[0], value)
		},
		text: func(w io.Writer, answer any) { fmt.Fprintf(w, "stored %s\n", answer.(api.DHTEntry).Key) },
	}))
	return cmd
}

func newStatus(c *cli) *cobra.Command {
	cmd := c.query(query{
		use: "status", short: "The state of a node: ready or not, members online, height",
		ask:  func(cmd *cobra.Command, node api.API, _ []string) (any, error) { return node.Health(cmd.Context()) },
		text: func(w io.Writer, answer any) { healthText(w, answer.(api.Health)) },
	})
	cmd.Long = "The state of a node. The exit status is 1 if it is not ready, so that this is a health\ncheck, too."
	return cmd
}

// printEntry prints an entry of a stream: text, or JSON on one line.
func (c *cli) printEntry(cmd *cobra.Command, entry api.Entry) error {
	if c.output != "json" {
		var text strings.Builder
		entryText(&text, entry)
		_, err := io.WriteString(cmd.OutOrStdout(), text.String())
		return err
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(entry)
}

func entryText(w io.Writer, entry api.Entry) {
	fmt.Fprintf(w, "cursor %d  ", entry.Cursor)
	blockText(w, entry.Block)
	fmt.Fprintf(w, "  certified by %s\n", counted(len(entry.Certificate.Signers), "member"))
}

func blockText(w io.Writer, answer any) {
	b := answer.(api.Block)
	fmt.Fprintf(w, "block %s\n  height %d of %s, group %s, created %s, %s\n", b.ID, b.Height, b.Creator.PeerID(), b.Group,
		time.UnixMilli(b.Time).UTC().Format(time.RFC3339Nano), counted(int(b.Count), "message"))
	if b.Pruned {
		fmt.Fprintln(w, "  the messages were removed by the retention")
	}
	for _, m := range b.Messages {
		fmt.Fprintf(w, "  message %s by %s, label %q: %s\n", m.ID, m.Sender.Short(), m.Label, readable(m.Payload))
	}
}

// readable returns the beginning of a payload, quoted, or its size if it is not text.
func readable(payload []byte) string {
	const most = 200
	if !utf8.Valid(payload) {
		return counted(len(payload), "byte")
	}
	if len(payload) > most {
		return fmt.Sprintf("%q… (%d bytes)", payload[:most], len(payload))
	}
	return strconv.Quote(string(payload))
}

func certificateText(w io.Writer, c api.Certificate) {
	fmt.Fprintf(w, "block %s, group %d %s\n", c.Header.ID, c.GroupNumber, c.Header.Group)
	for _, s := range c.Signers {
		fmt.Fprintf(w, "  signed by %s %s\n", s.PeerID, s.Name)
	}
}

func groupText(w io.Writer, g api.Group) {
	fmt.Fprintf(w, "group %d %s of network %q: n %d, f %d, q %d, online %d\n", g.Number, g.ID, g.Network, g.N, g.F, g.Q, g.Online)
	t := newTable(w)
	for _, m := range g.Members {
		fmt.Fprintf(t, "  %s\t%s\tonline %t\n", m.PeerID, m.Name, m.Online)
	}
	t.end()
}

func healthText(w io.Writer, h api.Health) {
	if h.Ready {
		fmt.Fprint(w, "ready")
	} else {
		fmt.Fprintf(w, "not ready: %s", h.Reason)
	}
	fmt.Fprintf(w, "; group %d, %s online (quorum %d), own height %d, %s waiting",
		h.Group, counted(h.Online, "member"), h.Q, h.Height, counted(h.Messages, "message"))
	if h.Muted {
		fmt.Fprint(w, "; muted: the node has lost its votes and signs no blocks; give the list of members a higher number")
	}
	if h.Forks > 0 {
		fmt.Fprintf(w, "; %s stopped by a fork: see ephemera query forks", counted(h.Forks, "chain"))
	}
	if h.Damaged > 0 {
		fmt.Fprintf(w, "; %s damaged in the store: see the log, and check the disk", counted(h.Damaged, "block"))
	}
	if d := h.Disk; d != nil && d.Free < d.Critical {
		fmt.Fprintf(w, "; disk nearly full: %d MiB left, and blocks wait; free some space", d.Free>>20)
	} else if d != nil {
		fmt.Fprintf(w, "; disk filling: %d MiB left; free some space", d.Free>>20)
	}
	for _, g := range h.WrongGroups {
		if g.Ours == nil {
			fmt.Fprintf(w, "; member %s is in group %d %s, which this node does not know", g.PeerID, g.Number, g.Theirs)
		} else {
			fmt.Fprintf(w, "; member %s holds group %d %s, this node %s", g.PeerID, g.Number, g.Theirs, g.Ours)
		}
	}
	fmt.Fprintln(w)
}

func forksText(w io.Writer, forks []api.Fork) {
	if len(forks) == 0 {
		fmt.Fprintln(w, "no chain has stopped")
	}
	for _, f := range forks {
		fmt.Fprintf(w, "chain of %s stopped in group %d: height %d has certified blocks %s and %s, both signed by:\n", f.Creator, f.GroupNumber, f.Height, f.A.Block, f.B.Block)
		for _, signer := range f.SignedBoth {
			fmt.Fprintf(w, "  %s %s\n", signer.Key, signer.Name)
		}
	}
}

func parseBlock(text string) (id block.ID, err error) {
	if id.UnmarshalText([]byte(text)) != nil {
		return id, command.Usage("block %q, expected an ID of 64 hexadecimal digits, or last if the command takes it", text)
	}
	return id, nil
}

// parseKey reads an optional key.
func parseKey(flag, text string) (keys.Public, error) {
	if text == "" {
		return keys.Public{}, nil
	}
	key, err := keys.ParsePublic(text)
	if err != nil {
		return key, command.Usage("%s: %w", flag, err)
	}
	return key, nil
}

func parseCursor(text string) (api.Cursor, error) {
	switch text {
	case "beginning":
		return api.Beginning, nil
	case "now":
		return api.Now, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, command.Usage("--from %q, expected a cursor, beginning or now", text)
	}
	return api.Cursor(n), nil
}
