// Noticeboard posts every line that it reads, and prints what its members certified.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// board takes short texts and prints them. Of the four methods of an ephemera.Application it leaves
// NextBlock to the default.
type board struct {
	policy.Everything
	out io.Writer
}

func (board) CheckMessage(_ context.Context, m block.Message) ephemera.Decision {
	if m.Label() != "notice" || len(m.Payload()) > 280 || !utf8.Valid(m.Payload()) {
		return ephemera.Reject("a notice is labelled so and has at most 280 bytes of UTF-8")
	}
	return ephemera.Accept()
}

func (b board) CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision { // a function of the block alone
	for _, m := range candidate.Messages {
		if d := b.CheckMessage(ctx, m); !d.IsAccept() {
			return d.Dropping(m.ID())
		}
	}
	return ephemera.Accept()
}

func (b board) DeliverBlock(_ context.Context, delivered block.Block, proof certificate.Certificate) error {
	for _, m := range delivered.Messages {
		fmt.Fprintf(b.out, "%s, certified by %d: %s\n", m.Sender().Short(), proof.Count(), m.Payload())
	}
	return nil
}

func main() { log.Fatal(run(context.Background(), "noticeboard-data", os.Stdin, os.Stdout)) }

// run is a member of a group of one, until ctx is done. Key, vote store and marker are made in the
// folder at the first start.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	folder, err := home.Open(ctx, dir, "noticeboard", nil)
	if err != nil {
		return err
	}
	defer folder.Close()
	group, err := membership.NewGroup("noticeboard", 1, []keys.Public{folder.Key.Public()}, membership.Limits{})
	if err != nil {
		return err
	}
	link, err := p2p.New(p2p.Config{Network: "noticeboard", Key: folder.Key})
	if err != nil {
		return err
	}
	node, err := ephemera.New(ephemera.Config{
		Key: folder.Key, Group: group, Store: folder.Store, Transport: link,
		BeginGroup: folder.BeginGroup, Mute: folder.Mute, MutedThrough: folder.MutedThrough,
	}, board{out: out})
	if err != nil {
		return err
	}
	go func() {
		for lines := bufio.NewScanner(in); lines.Scan(); {
			if _, err := node.SubmitPayload(ctx, "notice", []byte(lines.Text())); err != nil {
				log.Print(err)
			}
		}
	}()
	return node.Run(ctx)
}
