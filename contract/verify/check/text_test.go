package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ephemera-go/nym-rewarding/contract"
	"github.com/ephemera-go/nym-rewarding/contract/contracttest"
	"github.com/ephemera-go/nym-rewarding/contract/verify/check"
	"github.com/ephemera-go/nym-rewarding/ephemera/block"
)

// doubling is a story in which a member signs two reports about some epochs.
func doubling(epochs ...contract.Epoch) *story {
	s := newStory()
	s.messages = func(d contract.Description, creator int, all []block.Message) []block.Message {
		for _, epoch := range epochs {
			if d.Epoch == epoch && creator == 1 {
				r := contracttest.Report(d, 3)
				r.Values[0] = 1
				all[2] = contracttest.Message(d, 3, r)
			}
		}
		return all
	}
	return s.tell(storyEpochs)
}

func TestProblemsThatAreAlikeAreOneLine(t *testing.T) {
	problems := func(s *story) string {
		_, summary := s.verifyAll(trusted())
		return summary.Problems()
	}
	require.Empty(t, problems(told()))
	const found = ", check 35, evidence: nymapi-3 signed two reports\n"
	require.Equal(t, "warning, epochs 1 to 3"+found, problems(doubling(1, 2, 3)))
	require.Equal(t, "warning, 3 epochs from 1 to 6"+found, problems(doubling(1, 2, 6)))
	require.Contains(t, problems(doubling(2)), "warning, epoch 2, check 35")
}

func TestClosingSaysWhetherTheTrustedCopiesAreThose(t *testing.T) {
	closing := func(config check.Config, s *story) string {
		_, summary := s.verifyAll(config)
		return strings.ReplaceAll(summary.Closing(), "\n", " ")
	}
	config := trusted()
	require.Contains(t, closing(config, told()), "Group and contract key are those of your trusted copies.")
	config.Group = contracttest.Group(9).ID()
	require.Contains(t, closing(config, told()), "The group is not that of your trusted copy.")
	config.Contract = contracttest.Key(1).Public()
	require.Contains(t, closing(config, told()), "Group and contract key are not those of your trusted copies.")

	verifier := check.New(config)
	verifier.Next(check.Evidence{})
	require.Contains(t, verifier.Summary().Closing(), "Nothing could be compared with your trusted copies.")
}

// All texts fit a terminal, whatever was found.
func TestTextsFitATerminal(t *testing.T) {
	s := told()
	s.epoch(2).d.Epoch = 9
	for _, forged := range forgedPayments {
		forged.forge(s, s.epoch(forged.epoch))
	}
	config := trusted()
	config.Group, config.Names = contracttest.Group(9).ID(), nil
	reports, summary := s.verifyAll(config)
	text := summary.Text() + summary.Closing()
	for _, r := range append(reports, check.New(config).Next(check.Evidence{})) {
		text += r.Text()
	}
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
		require.NotRegexp(t, `[ ]\n$`, line)
	}
	require.Contains(t, text, "FAILED")
	require.Contains(t, text, "the evidence of a settled epoch is missing")
}
