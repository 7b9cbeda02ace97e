// Noticeboard posts every line that it reads, and prints what its members certified.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt) // until the program ends
	if err := run(ctx, "noticeboard-data", os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run is the only member of a group until ctx is done. The folder keeps its key, votes and blocks.
func run(ctx context.Context, dir string, in io.Reader, out io.Writer) error {
	board := policy.Must(policy.Config{Messages: 1, DeliverBlock: func(_ context.Context, b block.Block, proof certificate.Certificate) error {
		_, err := fmt.Fprintf(out, "%s, certified by %d: %s\n", b.Messages[0].Sender().Short(), proof.Count(), b.Messages[0].Payload())
		return err
	}})
	folder, err := home.Open(ctx, dir, "noticeboard", nil)
	if err != nil {
		return err
	}
	defer folder.Close()
	node, err := folder.NodeAlone(ephemera.Config{}, board)
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
