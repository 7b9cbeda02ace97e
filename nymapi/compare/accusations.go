package compare

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/nymapi/service"
)

// copyEvidence copies what convicts somebody from the folders of the Nym-APIs, which must have
// stopped, to the folder evidence of the mode, if the run keeps its evidence. Files of one proof
// have one name at all Nym-APIs, so each is there once.
func (r *modeRun) copyEvidence() error {
	if r.options.Evidence == nil {
		return nil
	}
	to := filepath.Join(r.options.Evidence(r.mode), service.EvidenceFolder)
	for _, m := range r.members {
		from := filepath.Join(m.home, service.EvidenceFolder)
		entries, err := os.ReadDir(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if filepath.Ext(entry.Name()) != evidence.Extension {
				continue
			}
			data, err := os.ReadFile(filepath.Join(from, entry.Name()))
			if err == nil {
				err = errors.Join(os.MkdirAll(to, 0o755), files.Replace(filepath.Join(to, entry.Name()), 0o644, data))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
