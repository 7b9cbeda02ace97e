package main

import (
	"cmp"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	accusation "github.com/ephemera-go/nym-rewarding/ephemera/evidence"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
)

// evidence is that of epochs in ascending order, from files, a running contract or a database.
type evidence struct {
	source      string
	epochs      int
	all         iter.Seq2[check.Evidence, error] // ends after an error
	names       map[keys.Public]string
	consecutive bool // no epoch between the first and the last may be missing
	first       contract.Epoch
}

// Bundles are two files for each epoch.
const (
	coreSuffix  = ".core"
	annexSuffix = ".annex"
)

// bundleFile is a file with a core or an annex.
type bundleFile struct {
	path  string
	annex bool
	epoch contract.Epoch // 0 if it does not decode
	core  contract.Hash  // digest of the core in the file, or of that which the annex names
}

// fromFiles returns the bundles in files and folders.
func fromFiles(paths []string) (evidence, error) {
	e := evidence{source: strings.Join(paths, " ")}
	var cores, annexes []bundleFile
	for _, path := range paths {
		list, folder, err := listed(path)
		if err != nil {
			return e, err
		}
		e.consecutive = e.consecutive || folder
		for _, path := range list {
			file, err := scan(path)
			if err != nil {
				return e, err
			}
			if file.annex {
				annexes = append(annexes, file)
			} else {
				cores = append(cores, file)
			}
		}
	}
	slices.SortStableFunc(cores, func(a, b bundleFile) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(string(a.core[:]), string(b.core[:])))
	})
	cores = slices.CompactFunc(cores, func(a, b bundleFile) bool { return a.core == b.core })
	if len(cores) == 0 {
		return e, command.Usage("%s: no core of an epoch, expected files that end in %s and %s, or in %s against somebody", e.source, coreSuffix, annexSuffix, accusation.Extension)
	}
	pairs, err := pair(cores, annexes)
	if err != nil {
		return e, err
	}
	e.epochs = len(cores)
	e.all = func(yield func(check.Evidence, error) bool) {
		for i, core := range cores {
			bundle, err := load(core.path, pairs[i])
			if !yield(bundle, err) || err != nil {
				return
			}
		}
	}
	return e, nil
}

// listed returns the files of bundles in a folder, or the file itself.
func listed(path string) (paths []string, folder bool, err error) {
	if strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://") {
		return nil, false, command.Usage("%s: expected a file or a folder; give --url %s for a contract", path, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, command.Usage("expected a file or a folder: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, false, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, true, fmt.Errorf("read %s: %w", path, err)
	}
	for _, entry := range entries {
		if suffix := filepath.Ext(entry.Name()); suffix == coreSuffix || suffix == annexSuffix {
			paths = append(paths, filepath.Join(path, entry.Name()))
		}
	}
	return paths, true, nil
}

// What encodings begin with: arrays of 6 and, in version 1, 4 fields, and of 13 fields.
const (
	coreBegins  = 0x86
	core1Begins = 0x84
	annexBegins = 0x8d
)

// scan recognises a file by its content, and one that does not decode by how it begins or by its
// name.
func scan(path string) (bundleFile, error) {
	file := bundleFile{path: path}
	data, err := files.Read(path, max(contract.MaxCoreBytes, contract.MaxAnnexBytes))
	if err != nil {
		return file, fmt.Errorf("read bundle: %w", err)
	}
	if annex, err := contract.DecodeAnnex(data); err == nil {
		file.annex, file.epoch, file.core = true, annex.Epoch, annex.Core
		return file, nil
	}
	file.core = contract.Digest(data)
	if core, err := contract.DecodeCore(data); err == nil {
		if d, err := contract.DecodeDescription(core.Description); err == nil {
			file.epoch = d.Epoch
		}
		return file, nil
	}
	suffix := filepath.Ext(path)
	if len(data) == 0 && suffix != coreSuffix && suffix != annexSuffix {
		return file, command.Usage("%s is empty, expected the core or the annex of an epoch", path)
	}
	begins := byte(0)
	if len(data) > 0 {
		begins = data[0]
	}
	switch {
	case suffix == annexSuffix, suffix != coreSuffix && begins == annexBegins:
		file.annex = true
	case suffix != coreSuffix && begins != coreBegins && begins != core1Begins:
		return file, command.Usage("%s is neither the core nor the annex of an epoch: it begins with byte %#02x, a core with %#x and an annex with %#x",
			path, begins, coreBegins, annexBegins)
	}
	return file, nil
}

// pair returns the path of the annex of each core, "" without one: the annex that names the core,
// is about its epoch, or has its file name. An annex that replaced another one is paired by its
// file name if the core that it names has its own: then the check "annex" says what is wrong.
func pair(cores, annexes []bundleFile) ([]string, error) {
	paths := make([]string, len(cores))
	named := func(annex, core bundleFile) bool { return annex.epoch != 0 && core.core == annex.core }
	sameFile := func(annex, core bundleFile) bool { return stem(core.path) == stem(annex.path) }
	own := func(annex bundleFile) bool {
		return slices.ContainsFunc(cores, func(core bundleFile) bool { return named(annex, core) && sameFile(annex, core) })
	}
	slices.SortStableFunc(annexes, func(a, b bundleFile) int {
		switch {
		case own(a) == own(b):
			return 0
		case own(a):
			return -1
		}
		return 1
	})
	for _, annex := range annexes {
		at := slices.IndexFunc(cores, func(core bundleFile) bool { return named(annex, core) })
		if at < 0 {
			at = slices.IndexFunc(cores, func(core bundleFile) bool {
				return annex.epoch != 0 && core.epoch == annex.epoch || sameFile(annex, core)
			})
		}
		if at >= 0 && paths[at] != "" {
			if other := slices.IndexFunc(cores, func(core bundleFile) bool { return sameFile(annex, core) }); other >= 0 {
				at = other
			}
		}
		switch {
		case at < 0:
			return nil, command.Usage("%s is the annex of epoch %d, whose core is not among the files: give both", annex.path, annex.epoch)
		case paths[at] != "" && paths[at] != annex.path:
			return nil, command.Usage("%s and %s are annexes of one core: give one of them", paths[at], annex.path)
		}
		paths[at] = annex.path
	}
	return paths, nil
}

func stem(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) }

func load(core, annex string) (bundle check.Evidence, err error) {
	bundle.Source = core
	if bundle.Core, err = files.Read(core, contract.MaxCoreBytes); err != nil {
		return bundle, fmt.Errorf("read core: %w", err)
	}
	if annex != "" {
		if bundle.Annex, err = files.Read(annex, contract.MaxAnnexBytes); err != nil {
			return bundle, fmt.Errorf("read annex: %w", err)
		}
	}
	return bundle, nil
}
