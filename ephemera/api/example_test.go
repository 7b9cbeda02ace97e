package api_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera"
	"github.com/ephemera-go/nym-rewarding/ephemera/api"
	"github.com/ephemera-go/nym-rewarding/ephemera/api/local"
	"github.com/ephemera-go/nym-rewarding/ephemera/home"
	"github.com/ephemera-go/nym-rewarding/ephemera/policy"
)

// A follower reads every certified block, and continues at its cursor after a restart. Package
// client does the same with a node in another process.
func ExampleAPI_follower() {
	dir, err := os.MkdirTemp("", "ephemera")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(context.Background())
	node, ended := run(ctx, filepath.Join(dir, "node"))
	for _, text := range []string{"one", "two", "three", "four"} {
		if _, err := node.SubmitEphemeraMessage(ctx, api.Submission{Label: "count", Payload: []byte(text)}); err != nil {
			log.Fatal(err)
		}
	}

	file := filepath.Join(dir, "cursor")
	for _, blocks := range []int{1, 3} {
		fmt.Println("the follower starts")
		if err := follow(ctx, node, file, blocks); err != nil {
			log.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
	// Output:
	// the follower starts
	// one
	// the follower starts
	// two
	// three
	// four
}

// follow reads a number of blocks after the cursor in a file. It stores the cursor after the work
// on a block, so if the program crashes in between, it reads the block again. A program with a
// database stores both in one transaction and reads each block exactly once.
func follow(ctx context.Context, node api.API, file string, blocks int) error {
	cursor, err := load(file)
	if err != nil {
		return err
	}
	for entry, err := range node.Subscribe(ctx, api.Subscription{From: cursor}) {
		if err != nil {
			return err
		}
		for _, m := range entry.Block.Messages {
			fmt.Printf("%s\n", m.Payload)
		}
		if err := store(file, entry.Cursor); err != nil {
			return err
		}
		if blocks--; blocks == 0 {
			break
		}
	}
	return nil
}

// load returns the stored cursor, or api.Beginning at the first start.
func load(file string) (api.Cursor, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return api.Beginning, nil
	}
	if err != nil {
		return 0, err
	}
	var cursor api.Cursor
	_, err = fmt.Sscan(string(data), &cursor)
	return cursor, err
}

// store replaces the cursor atomically.
func store(file string, cursor api.Cursor) error {
	if err := os.WriteFile(file+".new", fmt.Append(nil, cursor), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// run starts a node that makes a block of each message, and returns its API.
func run(ctx context.Context, dir string) (api.API, <-chan error) {
	app, err := policy.New(policy.Config{Messages: 1})
	if err != nil {
		log.Fatal(err)
	}
	folder, err := home.Open(ctx, dir, "example", nil)
	if err != nil {
		log.Fatal(err)
	}
	node, err := folder.NodeAlone(ephemera.Config{}, app)
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(node.Run(ctx), folder.Close()) }()
	return local.New(node, local.Config{}), ended
}
