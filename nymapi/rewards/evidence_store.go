package rewards

import (
	"context"
	"fmt"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
	"github.com/ephemera-go/nym-rewarding/ephemera/keys"
)

// KeepDoubleReport stores two messages of one member for one epoch, unless two are stored already.
func (s *Store) KeepDoubleReport(ctx context.Context, epoch contract.Epoch, first, second block.Message) error {
	member := first.Sender()
	_, err := s.db.ExecContext(ctx, `INSERT INTO double_reports (epoch, member, first, second) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		epoch, member[:], first.Encode(), second.Encode())
	if err != nil {
		return fmt.Errorf("store evidence against %s in epoch %d: %w", member, epoch, err)
	}
	return nil
}

// DoubleReport names two stored reports of one member for one epoch.
type DoubleReport struct {
	Epoch  contract.Epoch
	Member keys.Public
}

// DoubleReports returns all that are stored, in ascending order.
func (s *Store) DoubleReports(ctx context.Context) ([]DoubleReport, error) {
	var rows []struct {
		Epoch  contract.Epoch `db:"epoch"`
		Member []byte         `db:"member"`
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT epoch, member FROM double_reports ORDER BY epoch, member`); err != nil {
		return nil, fmt.Errorf("load evidence: %w", err)
	}
	list := make([]DoubleReport, len(rows))
	for i, row := range rows {
		list[i] = DoubleReport{Epoch: row.Epoch, Member: keys.Public(row.Member)}
	}
	return list, nil
}

// DoubleReport returns the two messages, or ErrNotFound.
func (s *Store) DoubleReport(ctx context.Context, of DoubleReport) (first, second block.Message, err error) {
	var row struct {
		First  []byte `db:"first"`
		Second []byte `db:"second"`
	}
	err = s.db.GetContext(ctx, &row, `SELECT first, second FROM double_reports WHERE epoch = ? AND member = ?`, of.Epoch, of.Member[:])
	if err == nil {
		first, err = block.DecodeStoredMessage(row.First)
	}
	if err == nil {
		second, err = block.DecodeStoredMessage(row.Second)
	}
	if err != nil {
		return first, second, fmt.Errorf("load evidence against %s in epoch %d: %w", of.Member, of.Epoch, found(err))
	}
	return first, second, nil
}
