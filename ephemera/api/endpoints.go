package api

import "github.com/ephemera-go/nym-rewarding/ephemera/keys"

// Paths of the endpoints. Those in braces are parameters.
const (
	PathSubmit        = "/ephemera/broadcast/submit_message"
	PathBlock         = "/ephemera/broadcast/block/{hash}"
	PathBlockAt       = "/ephemera/broadcast/block/height/{height}"
	PathLastBlock     = "/ephemera/broadcast/blocks/last"
	PathBlocks        = "/ephemera/broadcast/blocks"
	PathCertificates  = "/ephemera/broadcast/block/certificates/{hash}"
	PathBroadcastInfo = "/ephemera/broadcast/block/broadcast_info/{hash}"
	PathGroup         = "/ephemera/broadcast/group/info"
	PathVerify        = "/ephemera/messages/verify"
	PathDHTQuery      = "/ephemera/dht/query/{key}"
	PathDHTStore      = "/ephemera/dht/store"
	PathConfig        = "/ephemera/node/config"
	PathHealth        = "/ephemera/node/health"
	PathEvidence      = "/ephemera/evidence"
	PathForks         = "/ephemera/forks"
	PathSubscribe     = "/ephemera/ws"
	PathLive          = "/livez"
	PathReady         = "/readyz"
	PathTelemetry     = "/metrics"
	PathOpenAPI       = "/openapi.json"
	PathDocs          = "/docs"
)

// DHTEntry is a key with its value.
type DHTEntry struct {
	Key   string `json:"key" minLength:"1" maxLength:"256" doc:"The key of the value."`
	Value []byte `json:"value" nullable:"false" doc:"The value, base64, at most 64 KiB."`
}

// Limits of the DHT.
const (
	MaxDHTKey   = 256      // bytes of a key
	MaxDHTValue = 64 << 10 // bytes of a value
)

// Frame is a WebSocket frame for a subscriber. Entry is set if its type is FrameBlock, Problem if
// it is FrameProblem. A frame of type FrameProgress says that the subscriber has all blocks up to
// Cursor.
type Frame struct {
	Type    string   `json:"type" enum:"block,progress,problem"`
	Entry   *Entry   `json:"entry,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
	Cursor  Cursor   `json:"cursor" doc:"Where to continue after this frame."`
}

// Types of frames.
const (
	FrameBlock    = "block"    // a block of the subscription
	FrameProgress = "progress" // no new block; sent from time to time
	FrameProblem  = "problem"  // the last frame: why the subscription ends
)

// PathSign is an endpoint of the admin listener. It signs with the node's key.
const PathSign = "/ephemera/admin/sign"

// SignRequest asks for a signature over keys.ApplicationBytes of a domain tag, the node's network
// and a body. Public.Verify with the same bytes checks it.
type SignRequest struct {
	Domain string `json:"domain" doc:"The caller's domain tag: 1 to 64 printable ASCII characters that do not begin with ephemera/."`
	Body   Bytes  `json:"body" doc:"The bytes to sign, hexadecimal, at most 8 MiB."`
}

// SignAnswer is a signature with the node's key.
type SignAnswer struct {
	Key       keys.Public    `json:"key"`
	Signature keys.Signature `json:"signature"`
}
