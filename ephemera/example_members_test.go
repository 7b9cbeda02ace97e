package ephemera_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/certificate"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
	"github.com/ephemera-go/nym-rewarding/ephemera/transport/p2p"
)

// Four members in one process, connected by libp2p on loopback, with an application of their own.
// Each member submits a name, and every member delivers all names.
func Example_members() {
	dir, err := os.MkdirTemp("", "ephemera")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	names := []string{"Ada", "Grace", "Barbara", "Radia"}
	members := make([]*member, len(names))
	for i, name := range names {
		if members[i], err = open(ctx, filepath.Join(dir, name)); err != nil {
			log.Fatal(err)
		}
		defer members[i].home.Close()
	}

	// All members use the same group. Package provider reads it from a list of members.
	var public []keys.Public
	var peers []membership.Peer
	for _, m := range members {
		public = append(public, m.home.Key.Public())
		peers = append(peers, membership.Peer{Key: m.home.Key.Public(), Addresses: m.link.Addresses()})
	}
	group, err := membership.NewGroup("example", 1, public, membership.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d members, of which %d may fail; %d certify a block\n", group.N(), group.F(), group.Q())

	work, running := errgroup.WithContext(ctx)
	for i, m := range members {
		node, err := m.home.Node(ephemera.Config{Group: group, Peers: peers, Transport: m.link}, m.book)
		if err != nil {
			log.Fatal(err)
		}
		work.Go(func() error { return node.Run(running) })
		if _, err := node.SubmitPayload(ctx, "name", []byte(names[i])); err != nil {
			log.Fatal(err)
		}
	}
	for _, m := range members {
		fmt.Println(m.book.read(len(names)))
	}
	stop()
	if err := work.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 4 members, of which 1 may fail; 3 certify a block
	// [Ada Barbara Grace Radia]
	// [Ada Barbara Grace Radia]
	// [Ada Barbara Grace Radia]
	// [Ada Barbara Grace Radia]
}

// A member is what each process would have.
type member struct {
	home *home.Home
	link *p2p.Transport
	book guestbook
}

// open creates a member that listens on a free port of loopback.
func open(ctx context.Context, dir string) (*member, error) {
	folder, err := home.Open(ctx, dir, "example", nil)
	if err != nil {
		return nil, err
	}
	link, err := p2p.New(p2p.Config{Network: "example", Key: folder.Key})
	if err != nil {
		return nil, err
	}
	return &member{home: folder, link: link, book: make(guestbook, 16)}, nil
}

// guestbook is an ephemera.Application that accepts short names and passes on the certified ones.
type guestbook chan string

// CheckMessage accepts names.
func (guestbook) CheckMessage(_ context.Context, m block.Message) ephemera.Decision {
	if m.Label() != "name" || len(m.Payload()) > 40 {
		return ephemera.Reject("expected at most 40 bytes with the label name")
	}
	return ephemera.Accept()
}

// NextBlock makes a block of each message. Larger blocks must respect turn.Group.Limits.
func (guestbook) NextBlock(_ context.Context, turn ephemera.Turn) []block.MessageID {
	return []block.MessageID{turn.Candidates[0].ID()}
}

// CheckBlock depends only on the block's bytes, so that all correct members agree.
func (g guestbook) CheckBlock(ctx context.Context, candidate block.Block) ephemera.Decision {
	return policy.EachMessage(g.CheckMessage)(ctx, candidate)
}

// DeliverBlock sends the names to a channel with room for them, because the node waits meanwhile.
func (g guestbook) DeliverBlock(ctx context.Context, delivered block.Block, _ certificate.Certificate) error {
	for _, m := range delivered.Messages {
		select {
		case g <- string(m.Payload()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// read returns the next names, sorted, because blocks of different members have no order.
func (g guestbook) read(count int) []string {
	var names []string
	for range count {
		names = append(names, <-g)
	}
	slices.Sort(names)
	return names
}
