// Noticeboard posts every line that it reads, and prints what its members certified.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

func main() { log.Fatal(run(context.Background(), "noticeboard-data", os.Stdin, os.Stdout)) }

// run is a member of a group of one, until ctx is done. Key, vote store and marker are made in the
// folder at the first start.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	board, err := policy.New(policy.Config{DeliverBlock: func(_ context.Context, b block.Block, proof certificate.Certificate) error {
		for _, m := range b.Messages {
			fmt.Fprintf(out, "%s, certified by %d: %s\n", m.Sender().Short(), proof.Count(), m.Payload())
		}
		return nil
	}})
	if err != nil {
		return err
	}
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
		Key: folder.Key, Store: folder.Store, Votes: folder, Group: group, Transport: link,
	}, board)
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
