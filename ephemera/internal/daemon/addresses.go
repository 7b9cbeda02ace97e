package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// Addresses are where a running node is reached. With port 0 in the configuration they are the only
// ones who know.
type Addresses struct {
	P2P   []string `json:"p2p"`             // multiaddrs
	HTTP  string   `json:"http,omitempty"`  // host:port of the API, empty: none
	Admin string   `json:"admin,omitempty"` // host:port of the operator's API, empty: none
}

// addressesFile is written at each start, so that commands on the same machine find the node.
const addressesFile = "addresses.json"

func (a Addresses) write(f Folder) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err == nil {
		err = keys.ReplaceFile(filepath.Join(f.Data(), addressesFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

// ReadAddresses returns where the node of a folder was reached when it was started last; the zero
// value when it never was.
func ReadAddresses(f Folder) (Addresses, error) {
	var a Addresses
	data, err := os.ReadFile(filepath.Join(f.Data(), addressesFile))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read where the node is reached: %w", err)
	}
	return a, nil
}
