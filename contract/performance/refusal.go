package performance

import "fmt"

// A Reason is the name of an error of the contract. Requirement "Public error variants".
type Reason string

// The reasons, with the fields of [Refusal] that they have.
const (
	NotAuthorised        Reason = "NotAuthorised"              // Address
	EpochNotCurrent      Reason = "EpochNotCurrent"            // Epoch, Current
	EpochInTransition    Reason = "EpochInTransition"          // Epoch
	StaleSubmission      Reason = "StalePerformanceSubmission" // Epoch, Node, Last
	EmptyNodeSubmission  Reason = "EmptyNodeSubmission"        // Node
	UnsortedBatch        Reason = "UnsortedBatchSubmission"
	NodeNotBonded        Reason = "NodeNotBonded" // Node
	NotAdmin             Reason = "NotAdmin"
	AlreadyAuthorised    Reason = "AlreadyAuthorised"    // Address
	WeightsDoNotSumToOne Reason = "WeightsDoNotSumToOne" // Total
)

// A Refusal is the error of every message that the contract refuses. A refused message changes
// nothing. The fields that belong to its reason are set.
type Refusal struct {
	Reason  Reason
	Address Address
	Epoch   EpochID
	Current EpochID // the epoch of the mixnet contract
	Node    NodeID
	Last    Cursor // of the monitor
	Total   Weight // sum of the weights
}

// Error says what is wrong, in the order of the contract's fields.
func (r *Refusal) Error() string {
	switch r.Reason {
	case NotAuthorised:
		return fmt.Sprintf("%s: %s is not an authorised monitor", r.Reason, r.Address)
	case EpochNotCurrent:
		return fmt.Sprintf("%s: epoch %d was submitted, the current one is %d", r.Reason, r.Epoch, r.Current)
	case EpochInTransition:
		return fmt.Sprintf("%s: epoch %d has ended, its rewards are being paid", r.Reason, r.Epoch)
	case StaleSubmission:
		return fmt.Sprintf("%s: node %d of epoch %d is not after node %d of epoch %d, the last one that this monitor submitted",
			r.Reason, r.Node, r.Epoch, r.Last.Node, r.Last.Epoch)
	case EmptyNodeSubmission:
		return fmt.Sprintf("%s: node %d has no value", r.Reason, r.Node)
	case UnsortedBatch:
		return fmt.Sprintf("%s: the nodes of a batch must ascend", r.Reason)
	case NodeNotBonded:
		return fmt.Sprintf("%s: node %d is not bonded", r.Reason, r.Node)
	case NotAdmin:
		return fmt.Sprintf("%s: only the admin may do this", r.Reason)
	case AlreadyAuthorised:
		return fmt.Sprintf("%s: %s is authorised already", r.Reason, r.Address)
	case WeightsDoNotSumToOne:
		return fmt.Sprintf("%s: the weights sum to %s", r.Reason, r.Total)
	}
	return string(r.Reason)
}
