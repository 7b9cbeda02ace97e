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

// Addresses are the addresses at which a running node is reached. Their ports are those that the
// node really uses, also where the configuration has port 0.
type Addresses struct {
	P2P   []string `json:"p2p"`             // multiaddrs
	HTTP  string   `json:"http,omitempty"`  // host:port of the API, empty if it is off
	Admin string   `json:"admin,omitempty"` // host:port of the operator's API, empty if it is off
}

// addressesFile is written at each start, so that commands on the same machine find the node. It
// stays when the node stops.
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

// ReadAddresses returns the addresses that a folder's node had when it was last started, or the
// zero value if it never was.
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
		return a, fmt.Errorf("read the node's addresses: %w", err)
	}
	return a, nil
}
