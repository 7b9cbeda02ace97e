package ephemera_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
)

// A group with a single member, which certifies its own blocks. The application consists of one
// function, and accepts everything.
func Example() {
	dir, err := os.MkdirTemp("", "ephemera")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	delivered := make(chan string, 1)
	app, err := policy.New(policy.Config{DeliverBlock: func(_ context.Context, b block.Block, proof certificate.Certificate) error {
		for _, m := range b.Messages {
			delivered <- fmt.Sprintf("%s: %s (certified by %d)", m.Label(), m.Payload(), proof.Count())
		}
		return nil
	}})
	if err != nil {
		log.Fatal(err)
	}

	// The folder holds the node's key, votes and blocks. The first start creates it. It must never be
	// copied or restored from a backup.
	ctx, stop := context.WithCancel(context.Background())
	folder, err := home.Open(ctx, dir, "example", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer folder.Close()
	node, err := folder.NodeAlone(ephemera.Config{}, app)
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()

	if _, err := node.SubmitPayload(ctx, "greeting", []byte("hello")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-delivered)

	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output:
	// greeting: hello (certified by 1)
}
