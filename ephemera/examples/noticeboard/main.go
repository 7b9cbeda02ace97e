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
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
)

func main() { log.Fatal(run(context.Background(), "noticeboard-data", os.Stdin, os.Stdout)) }

// run is the only member of a group until ctx is done. The folder keeps its key, votes and blocks.
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
	node, err := folder.Node(ephemera.Config{}, board)
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
