package contract

import (
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Paths of the contract's endpoints. EpochPath and BundlePath take the epoch's number.
const (
	PathEpoch    = "/contract/epoch"
	PathPeerInfo = "/contract/peer_info"
	PathEpochs   = "/contract/epochs"
	PathSubmit   = "/contract/submit_rewards"
	PathEnrol    = "/contract/enrol"
	PathLive     = "/livez"
	PathReady    = "/readyz"
)

// EpochPath returns the path of one epoch's details.
func EpochPath(epoch Epoch) string { return PathEpochs + "/" + epoch.String() }

// BundlePath returns the path of one rewarded epoch's evidence, an encoded Bundle.
func BundlePath(epoch Epoch) string { return EpochPath(epoch) + "/bundle" }

// CurrentEpoch is the answer of GET /contract/epoch: the newest epoch, which may not have begun yet
// if it is the first one.
type CurrentEpoch struct {
	ID          Epoch  `json:"id"`
	Start       Millis `json:"start"`
	DurationMS  int64  `json:"duration_ms"`
	ServerTime  Millis `json:"server_time"`
	Description Hash   `json:"description"`
}

// PeerInfo is the answer of GET /contract/peer_info. Until as many have enrolled as are expected,
// group, number, n, f and q are zero.
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

// LimitsOf returns limits as they are shown.
func LimitsOf(l membership.Limits) Limits {
	return Limits{PayloadBytes: l.PayloadBytes, BlockMessages: l.BlockMessages, BlockBytes: l.BlockBytes}
}

// Limits returns what NewGroup takes.
func (l Limits) Limits() membership.Limits {
	return membership.Limits{PayloadBytes: l.PayloadBytes, BlockMessages: l.BlockMessages, BlockBytes: l.BlockBytes}
}

// Member is one who enrolled.
type Member struct {
	Name      string      `json:"name"`
	Key       keys.Public `json:"key"`
	PeerID    string      `json:"peer_id"`
	Addresses []string    `json:"addresses"`
}

// MakeGroup returns the closed group that the answer describes, and checks that it has the ID that
// it claims. The error wraps ErrInvalid.
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

// Peers returns the members as ephemera takes them.
func (p PeerInfo) Peers() []membership.Peer {
	peers := make([]membership.Peer, len(p.Members))
	for i, m := range p.Members {
		peers[i] = membership.Peer{Key: m.Key, Name: m.Name, Addresses: m.Addresses}
	}
	return peers
}

// Status is where an epoch stands.
type Status string

// An epoch is open until it is settled, by its winner or by the end of its time.
const (
	StatusOpen     Status = "open"
	StatusRewarded Status = "rewarded"
	StatusMissed   Status = "missed"
)

// Verdict is what became of a stored submission.
type Verdict string

// Verdicts of attempts.
const (
	VerdictAccepted Verdict = "accepted"
	VerdictLate     Verdict = "late"
	VerdictInvalid  Verdict = "invalid"
)

// Epochs is the answer of GET /contract/epochs, newest first.
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

// Winner is whose submission was the first valid one. Name is empty for one who is no member, which
// only ModeNone lets win.
type Winner struct {
	Name       string      `json:"name"`
	Key        keys.Public `json:"key"`
	Block      block.ID    `json:"block"`
	AcceptedAt Millis      `json:"accepted_at"`
}

// EpochDetail is the answer of GET /contract/epochs/{id}. What follows Reason is null or empty
// until the epoch is rewarded, except for Attempts.
type EpochDetail struct {
	EpochSummary
	Description Description `json:"description"`
	Result      []Reward    `json:"result"`
	Reporters   []Signatory `json:"reporters"` // whose reports the result is made of, in the order of the block
	Signers     []Signatory `json:"signers"`   // whose echoes certify the block, in the order of their keys
	Receipt     *Receipt    `json:"receipt"`
	Attempts    []Attempt   `json:"attempts"` // oldest first
	// AttemptsDropped counts the attempts that were above the bound per member and epoch and were not
	// stored.
	AttemptsDropped int `json:"attempts_dropped"`
}

// Signatory is a member who reported or signed.
type Signatory struct {
	Name string      `json:"name"`
	Key  keys.Public `json:"key"`
}

// Attempt is a stored submission with its verdict.
type Attempt struct {
	Name      string      `json:"name"` // empty for one who is no member
	Submitter keys.Public `json:"submitter"`
	At        Millis      `json:"at"`
	Verdict   Verdict     `json:"verdict"`
	Type      string      `json:"type"`   // of the problem that was the answer, empty for the accepted one
	Reason    string      `json:"reason"` // empty for the accepted one
	Bytes     int         `json:"bytes"`
	Digest    Hash        `json:"digest"` // SHA-256 of the submission
}
