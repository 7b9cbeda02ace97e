package api

import (
	"encoding/json"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
	"github.com/ephemera-go/nym-rewarding/ephemera/membership"
)

// Member is a member of a group, as the node sees it.
type Member struct {
	Key       keys.Public `json:"key"`
	PeerID    string      `json:"peer_id"`
	Name      string      `json:"name,omitempty" doc:"The member's name in the node's membership list."`
	Addresses []string    `json:"addresses,omitempty" doc:"libp2p multiaddrs of the member, as far as the node knows."`
	Online    bool        `json:"online" doc:"The node has a live authenticated connection to the member, or is the member."`
	Absence   string      `json:"absence,omitempty" doc:"Why the member is not online, as far as the node knows, in a few words."`
	Local     bool        `json:"local,omitempty" doc:"The member is the responding node."`
}

// Group is a group of members as the node sees it.
type Group struct {
	Network string        `json:"network"`
	Number  uint64        `json:"number"`
	ID      membership.ID `json:"id"`
	Newest  bool          `json:"newest" doc:"The node knows no later group."`
	Closed  bool          `json:"closed" doc:"The node signs nothing new there: it closed the group, or is not a member."`
	N       int           `json:"n" doc:"Members."`
	F       int           `json:"f" doc:"Byzantine members that the group tolerates."`
	Q       int           `json:"q" doc:"Echoes that make a certificate."`
	Online  int           `json:"online" doc:"Members that are online, including the node if it is a member."`
	Limits  Limits        `json:"limits"`
	Members []Member      `json:"members" nullable:"false" doc:"In the byte order of their keys."`
	Encoded Bytes         `json:"encoded" doc:"Canonical bytes of the group."`
}

// Canonical returns the decoded group. The error wraps membership.ErrInvalid, also if network,
// number or ID do not match.
func (g Group) Canonical() (*membership.Group, error) {
	group, err := membership.DecodeGroup(g.Encoded)
	if err != nil {
		return nil, err
	}
	if group.ID() != g.ID || group.Number() != g.Number || group.Network() != g.Network {
		return nil, fmt.Errorf("%w: group %d %s is shown as %d %s", membership.ErrInvalid, group.Number(), group.ID(), g.Number, g.ID)
	}
	return group, nil
}

// BroadcastInfo describes how a block was broadcast. Times are of the responding node's clock, in
// milliseconds since 1970, and 0 if it does not know them, as after a restart.
type BroadcastInfo struct {
	Block       block.ID      `json:"block"`
	Local       keys.Public   `json:"local" doc:"The responding node."`
	LocalPeerID string        `json:"local_peer_id"`
	Creator     keys.Public   `json:"creator"`
	Height      uint64        `json:"height"`
	Group       membership.ID `json:"group"`
	GroupNumber uint64        `json:"group_number"`
	N           int           `json:"n"`
	F           int           `json:"f"`
	Q           int           `json:"q"`
	Echoed      []Member      `json:"echoed" nullable:"false" doc:"Members whose echoes this node's copy of the certificate holds."`
	ProposedMS  int64         `json:"proposed_ms,omitempty" doc:"When the node had the complete block and found it valid."`
	CertifiedMS int64         `json:"certified_ms,omitempty" doc:"When the block was durable with its certificate."`
	DeliveredMS int64         `json:"delivered_ms,omitempty" doc:"When the application had accepted the block."`
}

// NodeConfig is a node's configuration, without secrets.
type NodeConfig struct {
	Version     string          `json:"version"`
	Network     string          `json:"network"`
	Key         keys.Public     `json:"key"`
	PeerID      string          `json:"peer_id"`
	Group       uint64          `json:"group" doc:"Number of the newest group."`
	GroupID     membership.ID   `json:"group_id"`
	Limits      Limits          `json:"limits" doc:"Of the newest group."`
	Include     string          `json:"include" enum:"own,all" doc:"Which messages the node's own blocks hold: those submitted to it, or all."`
	Mempool     Mempool         `json:"mempool"`
	ExchangeMS  int64           `json:"exchange_ms" doc:"Interval between two frontiers."`
	HandOverMS  int64           `json:"hand_over_ms" doc:"How long a group stays open at most after a newer one was adopted."`
	Clients     []keys.Public   `json:"clients" nullable:"false" doc:"Keys other than the members' whose messages the node accepts."`
	Application json.RawMessage `json:"application,omitempty" doc:"The configuration of the program around the node."`
}

// Mempool is the limits of a mempool.
type Mempool struct {
	Messages    int   `json:"messages"`
	Bytes       int   `json:"bytes"`
	PerSender   int   `json:"per_sender" doc:"Messages of one sender, its share."`
	SenderBytes int   `json:"sender_bytes" doc:"Encoded messages of one sender, its share."`
	TTLMS       int64 `json:"ttl_ms" doc:"How long a message is kept, by its own time."`
	SkewMS      int64 `json:"skew_ms" doc:"How far ahead of the node's clock a message may be dated."`
}

// Health is the state of a node.
type Health struct {
	Ready  bool   `json:"ready" doc:"The store is open, the listeners are bound, and a quorum is connected that holds the same group."`
	Reason string `json:"reason,omitempty" doc:"Why it is not ready."`

	Storage   bool   `json:"storage" doc:"The store answers."`
	Listening bool   `json:"listening" doc:"The listeners are bound."`
	Group     uint64 `json:"group" doc:"Number of the newest group in which the node is a member."`
	Online    int    `json:"online" doc:"Members of that group that are connected, including the node."`
	Sharing   int    `json:"sharing,omitempty" doc:"Those of them that hold the same group, as far as they say."`
	Q         int    `json:"q" doc:"Members that make a quorum."`

	Muted    bool   `json:"muted,omitempty" doc:"The node signs no blocks in this group: its vote store was lost."`
	Height   uint64 `json:"height" doc:"Of the node's own chain in that group."`
	Messages int    `json:"messages" doc:"In the mempool."`
	Forks    int    `json:"forks,omitempty" doc:"Chains that have stopped, because two blocks of a slot are certified: more members are faulty than their group tolerates."`
	Damaged  int    `json:"damaged,omitempty" doc:"Stored blocks that were found damaged and not fetched again yet."`

	Disk *Disk `json:"disk,omitempty" doc:"The disk of the store, while it has little space."`

	WrongGroups []WrongGroup `json:"wrong_groups,omitempty" doc:"Connected members that hold another group than the node."`
}

// Disk is the space on the disk of a store, in bytes.
type Disk struct {
	Free     int64 `json:"free" doc:"What is left."`
	Low      int64 `json:"low" doc:"Below this, the blocks of members wait that used most recently."`
	Critical int64 `json:"critical" doc:"Below this, all blocks wait, unless they are certified already."`
}

// WrongGroup is a connected member that holds another group than the node.
type WrongGroup struct {
	Member keys.Public    `json:"member" doc:"Its key."`
	PeerID string         `json:"peer_id" doc:"Its libp2p peer ID."`
	Number uint64         `json:"number" doc:"Number of its newest group."`
	Theirs membership.ID  `json:"theirs" doc:"ID of that group."`
	Ours   *membership.ID `json:"ours,omitempty" doc:"ID of the node's group with that number. It is missing if the node knows none."`
}
