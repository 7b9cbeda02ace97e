package contract

import "github.com/ephemera-go/nym-rewarding/ephemera/evidence"

// TwoReceipts is the kind of evidence files with two receipts of one contract for one epoch.
// verify.Accuse judges them.
const TwoReceipts evidence.Kind = "evidence/two-receipts"

// File returns the file with which anybody can accuse the contract.
func (e Equivocation) File() evidence.File {
	return evidence.New(TwoReceipts, e.First.Encode(), e.Second.Encode())
}

// DecodeEquivocation returns the receipts in a file that Equivocation.File returned. It does not
// check what they prove. The error wraps ErrInvalid.
func DecodeEquivocation(f evidence.File) (Equivocation, error) {
	first, err := DecodeReceipt(f.A)
	if err != nil {
		return Equivocation{}, err
	}
	second, err := DecodeReceipt(f.B)
	return Equivocation{First: first, Second: second}, err
}
