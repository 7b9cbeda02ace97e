package contract

import (
	"net/url"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
	"github.com/ephemera-go/nym-rewarding/metrics"
)

// Paths of the contract's endpoints. See also EpochPath, ReceiptPath, RecordPath, BundlePath,
// AnnexPath, MatrixPath and MixnodePath.
const (
	PathEpoch     = "/contract/epoch"
	PathPeerInfo  = "/contract/peer_info"
	PathEpochs    = "/contract/epochs"
	PathReporters = "/contract/reporters"
	PathMixnodes  = "/contract/mixnodes"
	PathSubmit    = "/contract/submit_rewards"
	PathBatch     = "/contract/submit_batch"
	PathEnrol     = "/contract/enrol"
	PathLive      = "/livez"
	PathReady     = "/readyz"
	PathMetrics   = "/metrics"
	PathOpenAPI   = "/openapi.json"
	PathDocs      = "/docs"
)

// EpochPath returns the path of one epoch's details.
func EpochPath(epoch Epoch) string { return PathEpochs + "/" + epoch.String() }

// ReceiptPath returns the path of one rewarded epoch's Receipt.
func ReceiptPath(epoch Epoch) string { return EpochPath(epoch) + "/receipt" }

// RecordPath returns the path of one settled epoch's Record.
func RecordPath(epoch Epoch) string { return EpochPath(epoch) + "/record" }

// BundlePath returns the path of one settled epoch's evidence, an encoded Core.
func BundlePath(epoch Epoch) string { return EpochPath(epoch) + "/bundle" }

// AnnexPath returns the path of what else was received about a closed epoch, an encoded Annex.
func AnnexPath(epoch Epoch) string { return EpochPath(epoch) + "/annex" }

// MatrixPath returns the path of one rewarded epoch's reports, an EpochMatrix.
func MatrixPath(epoch Epoch) string { return EpochPath(epoch) + "/matrix" }

// MixnodePath returns the path of what was reported about a mixnode, a MixnodeReports.
func MixnodePath(mixnode metrics.MixID) string {
	return PathMixnodes + "/" + url.PathEscape(string(mixnode))
}

// CurrentEpoch is the response of GET /contract/epoch: the newest epoch. Only the first one may not
// have begun yet.
type CurrentEpoch struct {
	ID          Epoch  `json:"id"`
	Start       Millis `json:"start"`
	DurationMS  int64  `json:"duration_ms"`
	ServerTime  Millis `json:"server_time"`
	Description Hash   `json:"description"`
}

// PeerInfo is the response of GET /contract/peer_info. Group, Number, N, F and Q are zero until as
// many members have enrolled as are expected.
type PeerInfo struct {
	Network     string        `json:"network"`
	Group       membership.ID `json:"group"`
	Number      uint64        `json:"number"`
	N           int           `json:"n"`
	F           int           `json:"f"`
	Q           int           `json:"q"`
	Limits      Limits        `json:"limits"`
	ContractKey keys.Public   `json:"contract_key"`
	Expected    int           `json:"expected"`
	Members     []Member      `json:"members"` // in the order of their keys
}

// Limits are membership.Limits in JSON.
type Limits struct {
	PayloadBytes  uint32 `json:"payload_bytes"`
	BlockMessages uint32 `json:"block_messages"`
	BlockBytes    uint32 `json:"block_bytes"`
}

// LimitsOf returns limits as JSON shows them.
func LimitsOf(l membership.Limits) Limits {
	return Limits{PayloadBytes: l.PayloadBytes, BlockMessages: l.BlockMessages, BlockBytes: l.BlockBytes}
}

// Limits returns the limits as membership.NewGroup takes them.
func (l Limits) Limits() membership.Limits {
	return membership.Limits{PayloadBytes: l.PayloadBytes, BlockMessages: l.BlockMessages, BlockBytes: l.BlockBytes}
}

// Member is an enrolled Nym-API.
type Member struct {
	Name      string      `json:"name"`
	Key       keys.Public `json:"key"`
	PeerID    string      `json:"peer_id"`
	Addresses []string    `json:"addresses"`
}

// MakeGroup returns the complete group that the response describes. The error wraps ErrInvalid; a
// group with another ID than the response claims is an error.
func (p PeerInfo) MakeGroup() (*membership.Group, error) {
	members := make([]keys.Public, len(p.Members))
	for i, m := range p.Members {
		members[i] = m.Key
	}
	group, err := membership.NewGroup(p.Network, p.Number, members, p.Limits.Limits())
	if err != nil {
		return nil, invalid(err)
	}
	if group.ID() != p.Group {
		return nil, invalid(membership.ErrInvalid)
	}
	return group, nil
}

// Peers returns the members in the form that ephemera takes.
func (p PeerInfo) Peers() []membership.Peer {
	peers := make([]membership.Peer, len(p.Members))
	for i, m := range p.Members {
		peers[i] = membership.Peer{Key: m.Key, Name: m.Name, Addresses: m.Addresses}
	}
	return peers
}

// Status is the state of an epoch.
type Status string

// An epoch is open until it has a winner or its time is over.
const (
	StatusOpen     Status = "open"
	StatusRewarded Status = "rewarded"
	StatusMissed   Status = "missed"
)

// Verdict is the contract's decision about a stored submission.
type Verdict string

// The verdicts.
const (
	VerdictAccepted Verdict = "accepted"
	VerdictLate     Verdict = "late"
	VerdictInvalid  Verdict = "invalid"
)

// Epochs is the response of GET /contract/epochs, newest first.
type Epochs struct {
	Epochs []EpochSummary `json:"epochs"`
}

// EpochSummary is one line of the list of epochs.
type EpochSummary struct {
	ID     Epoch   `json:"id"`
	Start  Millis  `json:"start"`
	End    Millis  `json:"end"`
	Status Status  `json:"status"`
	Winner *Winner `json:"winner"` // null unless rewarded
	Reason string  `json:"reason"` // why it was missed, empty otherwise
}

// Winner is the submitter of the first valid submission. In ModePerformance it is the
// contract, with the name SelfName. Otherwise Name is empty if it is not a member, which is
// possible in ModeNone only.
type Winner struct {
	Name       string      `json:"name"`
	Key        keys.Public `json:"key"`
	Block      block.ID    `json:"block"`
	AcceptedAt Millis      `json:"accepted_at"`
}

// SelfName stands for the name of the contract where members have theirs, none of which is like it.
const SelfName = "(contract)"

// EpochDetail is the response of GET /contract/epochs/{id}. Result, Reporters, Signers and Receipt
// are empty until the epoch is rewarded.
type EpochDetail struct {
	EpochSummary
	Description Description `json:"description"`
	Result      []Reward    `json:"result"`
	// Reporters are the members whose reports count, in the order of the block.
	Reporters []Signatory `json:"reporters"`
	// Signers are the members whose echoes certify the block, in the order of their keys.
	Signers  []Signatory `json:"signers"`
	Receipt  *Receipt    `json:"receipt"`
	Attempts []Attempt   `json:"attempts"` // oldest first
	Caught   []Caught    `json:"caught"`   // by name and offence
	// AttemptsDropped counts the attempts beyond the limit per member and epoch, which are not stored.
	AttemptsDropped int `json:"attempts_dropped"`
	// Batches and BatchBytes count the batches that were accepted in ModePerformance.
	Batches    int   `json:"batches"`
	BatchBytes int64 `json:"batch_bytes"`
}

// BatchAnswer is the response to an accepted batch of measurements.
type BatchAnswer struct {
	Epoch    Epoch `json:"epoch"`
	Accepted int   `json:"accepted"` // mixnodes with a value
}

// Signatory is a member that reported or signed.
type Signatory struct {
	Name string      `json:"name"`
	Key  keys.Public `json:"key"`
}

// Attempt is a stored submission with its verdict.
type Attempt struct {
	Name      string      `json:"name"` // empty if the submitter is not a member
	Submitter keys.Public `json:"submitter"`
	At        Millis      `json:"at"`
	Verdict   Verdict     `json:"verdict"`
	Type      string      `json:"type"`   // of the problem in the response, empty for the accepted one
	Reason    string      `json:"reason"` // empty for the accepted one
	Bytes     int         `json:"bytes"`
	Digest    Hash        `json:"digest"` // SHA-256 of the submission
}
