package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/verify"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/address"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/command"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/files"
	"github.com/ephemera-go/nym-rewarding/ephemera/kit/plaintext"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/ephemera/provider"
	"github.com/ephemera-go/nym-rewarding/nymapi/holders"
	"github.com/ephemera-go/nym-rewarding/nymapi/rewards"
)

// maxFileBytes fits a list of a thousand members with all their addresses.
const maxFileBytes = 16 << 20

// fetchFlags are the flags of `nymapi fetch`.
type fetchFlags struct {
	epoch, members, group, key, out string
	urls                            []string
	json                            bool
}

func newFetch() *cobra.Command {
	var f fetchFlags
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Fetch the evidence of an epoch from Nym-APIs, without the contract, and check it",
		Long: `Fetch the evidence of an epoch from Nym-APIs, without the contract, and check it.

A Nym-API that is given by --url is asked what it holds, and what the members
state in their hash table. Each that holds the epoch is fetched from. Without the
hash table only those are asked that --url or --members names. --members is a file
with the URL of a Nym-API in each line.

The output says who holds what and whether all agree, and then what "contract
verify" says of it. Give the group and the contract's key that you know from
elsewhere with --group and --contract-key. With --out, the evidence is written to
epoch-N.core there. If two different cores pass all checks, the contract has
signed two receipts, and the proof is written as well.

The exit status is 0 if somebody holds the epoch, all that hold it agree, and no
check fails.`,
		Example: `  nymapi fetch --epoch 7 --url http://127.0.0.1:3100 --group group --contract-key contract.key --out bundles`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"group", "contract-key", "members", "out"} {
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
					return command.Usage("--%s is empty: give a value, or leave the flag out", name)
				}
			}
			return f.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.epoch, "epoch", "", "number of the epoch")
	flags.StringSliceVar(&f.urls, "url", nil, "URL of a Nym-API's --api or --health-listen; may be repeated")
	flags.StringVar(&f.members, "members", "", "file with the URLs of Nym-APIs, one in each line")
	flags.StringVar(&f.group, "group", "", "group that you trust: its ID, or a file: members file, or peer_info of the contract")
	flags.StringVar(&f.key, "contract-key", "", "contract key that you trust: 64 hexadecimal digits, a peer ID, or a file with one of them")
	flags.StringVar(&f.out, "out", "", "folder for the evidence, created if it does not exist")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

var (
	errNobody   = errors.New("no Nym-API that was asked holds the epoch")
	errDisagree = errors.New("the Nym-APIs do not agree about the epoch; the output says who holds what")
	errChecks   = errors.New("checks failed; the output names them")
)

// fetched is what --json prints.
type fetched struct {
	holders.Collected
	Agree   bool           `json:"agree"`
	Reports []check.Report `json:"reports"` // of the different cores, in their order
	Files   []string       `json:"files"`
	// Accusation says what two cores that pass prove against the contract.
	Accusation string `json:"accusation,omitzero"`
}

func (f fetchFlags) run(ctx context.Context, out io.Writer) error {
	config, err := f.trusted()
	if err != nil {
		return err
	}
	asked, err := f.asked()
	if err != nil {
		return err
	}
	result := fetched{Collected: holders.Collect(ctx, asked), Reports: []check.Report{}, Files: []string{}}
	if err := ctx.Err(); err != nil {
		return err
	}
	result.Agree = result.Collected.Agree()
	failed, passed, private := false, []contract.Core{}, error(nil)
	for i, core := range result.Cores {
		if core.Data == nil {
			continue
		}
		evidence := check.Evidence{Source: "core " + core.Digest.String()[:16], Core: core.Data}
		private = errors.Join(private, config.CheckKey(evidence))
		report := check.New(config).Next(evidence)
		result.Reports = append(result.Reports, report)
		if report.Count(check.Fail) > 0 || report.Epoch != asked.Epoch {
			failed = true
			continue
		}
		if err := f.keep(&result, i); err != nil {
			return err
		}
		if decoded, err := contract.DecodeCore(core.Data); err == nil {
			passed = append(passed, decoded)
		}
	}
	if private != nil && len(passed) == 0 { // a liar can make up a core that names such a contract
		return command.Usage("--contract-key: %w (%s)", keys.ErrPrivateKey, publicKeyHint)
	}
	if err := f.accuse(&result, passed); err != nil {
		return err
	}
	if err := f.print(out, result); err != nil {
		return err
	}
	switch {
	case len(result.Cores) == 0:
		return errNobody
	case failed:
		return errChecks
	case !result.Agree:
		return errDisagree
	}
	return nil
}

// accuse looks for two receipts of the contract among cores that passed, and writes the proof to
// --out.
func (f fetchFlags) accuse(result *fetched, passed []contract.Core) error {
	for i := range passed {
		for _, other := range passed[:i] {
			first, err := contract.DecodeReceipt(other.Receipt)
			if err != nil {
				continue // of a missed epoch
			}
			second, err := contract.DecodeReceipt(passed[i].Receipt)
			if err != nil {
				continue
			}
			file := contract.Equivocation{First: first, Second: second}.File()
			proven, err := verify.Accuse(file, verify.Accused{})
			if err != nil {
				continue // the receipts are the same
			}
			result.Accusation = proven.Sentence(keys.Public.String)
			return f.write(result, proven.FileName(), file.Encode())
		}
	}
	return nil
}

// keep writes a core that passed to --out.
func (f fetchFlags) keep(result *fetched, at int) error {
	core := result.Cores[at]
	name := rewards.CoreFile(result.Epoch)
	if len(result.Files) > 0 {
		name = strings.TrimSuffix(name, filepath.Ext(name)) + "-" + core.Digest.String()[:16] + filepath.Ext(name)
	}
	return f.write(result, name, core.Data)
}

// write writes a file to --out, if that is given.
func (f fetchFlags) write(result *fetched, name string, data []byte) error {
	if f.out == "" {
		return nil
	}
	path := filepath.Join(f.out, name)
	if err := os.MkdirAll(f.out, 0o755); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := files.Replace(path, 0o644, data); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	result.Files = append(result.Files, path)
	return nil
}

// trusted reads --group and --contract-key.
func (f fetchFlags) trusted() (config check.Config, err error) {
	if config.Contract, err = f.trustedKey(); err != nil {
		return config, err
	}
	if f.group == "" {
		return config, nil
	}
	if config.Group.UnmarshalText([]byte(f.group)) == nil {
		if config.Group == (membership.ID{}) { // means that none is given
			return config, command.Usage("--group: the ID is all zeros, which no group has")
		}
		return config, nil
	}
	data, err := files.Read(f.group, maxFileBytes)
	if err != nil {
		return config, command.Usage("--group: expected the ID of a group, 64 hexadecimal digits, or a file: %w", err)
	}
	if group, err := membership.DecodeGroup(data); err == nil {
		config.Group = group.ID()
		return config, nil
	}
	decode := provider.Decode
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		decode = provider.DecodePeerInfo
	}
	list, err := decode(f.group, data)
	if err != nil {
		return config, command.Usage("--group: %w", err)
	}
	config.Group, config.Names = list.Group.ID(), map[keys.Public]string{}
	for _, p := range list.Peers {
		config.Names[p.Key] = p.Name
	}
	return config, nil
}

// publicKeyHint says which of two files of the same name to give.
const publicKeyHint = "give the contract.key in the folder of a Nym-API, which holds the public key; that in the contract's folder is secret"

// trustedKey reads --contract-key.
func (f fetchFlags) trustedKey() (key keys.Public, err error) {
	if f.key == "" {
		return key, nil
	}
	if key, err = keys.ParsePublic(f.key); err != nil {
		data, failed := files.Read(f.key, maxFileBytes)
		switch {
		case errors.Is(failed, fs.ErrNotExist):
			return key, command.Usage("--contract-key: expected a key or a file: %w", err)
		case failed != nil:
			return key, command.Usage("--contract-key: %w", failed)
		}
		key, err = keys.DecodePublic(data)
		if errors.Is(err, keys.ErrPrivateKey) {
			return key, command.Usage("--contract-key %s: %w (%s)", f.key, err, publicKeyHint)
		}
		if err != nil {
			return key, command.Usage("--contract-key %s: %w", f.key, err)
		}
	}
	if key == (keys.Public{}) { // means that none is given
		return key, command.Usage("--contract-key: the key is all zeros, which nobody has")
	}
	return key, nil
}

// asked reads --epoch, --url and --members.
func (f fetchFlags) asked() (config holders.Config, err error) {
	if config.Epoch, err = contract.ParseEpoch(f.epoch); err != nil {
		return config, command.Usage("--epoch %q, expected a number from 1", f.epoch)
	}
	config.URLs = f.urls
	if f.members != "" {
		data, err := files.Read(f.members, maxFileBytes)
		if err != nil {
			return config, command.Usage("--members: %w", err)
		}
		if data, err = plaintext.Decode(data); err != nil {
			return config, command.Usage("--members: %w", err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
			if text := strings.TrimSpace(lines.Text()); text != "" && !strings.HasPrefix(text, "#") {
				config.URLs = append(config.URLs, text)
			}
		}
	}
	for _, text := range config.URLs {
		if _, err := address.ParseURL(text); err != nil {
			return config, command.Usage("URL of a Nym-API: %w", err)
		}
	}
	if len(config.URLs) == 0 {
		return config, command.Usage("no Nym-API to ask, expected --url or a file of --members")
	}
	return config, nil
}

func (f fetchFlags) print(out io.Writer, result fetched) error {
	if f.json {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(result)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "epoch %d, held by\n", result.Epoch)
	for _, h := range result.Found {
		name := cmp.Or(h.Name, h.URL)
		if h.Core == (contract.Hash{}) {
			fmt.Fprintf(&text, "  %-14s  nothing: %s\n", name, h.Err)
			continue
		}
		fmt.Fprintf(&text, "  %-14s  core %.16s  %7d bytes  %s\n", name, h.Core, h.Bytes, h.URL)
		if h.Stated != (contract.Hash{}) && h.Stated != h.Core {
			fmt.Fprintf(&text, "  %-14s  stated core %.16s in the hash table\n", "", h.Stated)
		}
	}
	switch {
	case len(result.Cores) == 0:
		text.WriteString("nobody that was asked holds it\n")
	case result.Agree:
		fmt.Fprintf(&text, "all %d that hold it agree\n", result.Cores[0].Count)
	default:
		fmt.Fprintf(&text, "they do not agree: %d different cores\n", len(result.Cores))
	}
	for _, report := range result.Reports {
		text.WriteString("\n" + report.Text())
	}
	if result.Accusation != "" {
		fmt.Fprintf(&text, "\n%s\n", result.Accusation)
	}
	if len(result.Files) > 0 {
		text.WriteString("\n")
	}
	for _, path := range result.Files {
		fmt.Fprintf(&text, "written to %s\n", path)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
