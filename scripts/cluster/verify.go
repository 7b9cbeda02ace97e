package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// passed matches what `contract verify` says if no check failed or warned.
var passed = regexp.MustCompile(`([\d,]+) of ([\d,]+) checks passed[.;]`)

// verify runs what `make verify` runs, with the group and the contract's key in a folder, to which
// it copies them at the first use. Every settled epoch must be proven.
func (c *cluster) verify(ctx context.Context, trusted string) error {
	text, err := c.command(ctx, "scripts/verify.sh", trusted)
	if err != nil {
		return err
	}
	found := passed.FindStringSubmatch(text)
	if found == nil || found[1] != found[2] || !strings.Contains(text, "Group and contract key are those of your trusted copies.") {
		return fmt.Errorf("not all checks passed:\n%s", text)
	}
	c.say("%s of %s checks of the epochs' evidence passed, with group and key of a Nym-API", found[1], found[2])
	return nil
}

// verifyOther requires that the epochs are not those of another contract.
func (c *cluster) verifyOther(ctx context.Context, trusted string) error {
	other := filepath.Join(trusted, "other")
	group, err := os.ReadFile(filepath.Join(trusted, "group"))
	if err != nil {
		return err
	}
	// Of RFC 8032, section 7.1, test 1.
	const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	err = errors.Join(os.Mkdir(other, 0o700), os.WriteFile(filepath.Join(other, "group"), group, 0o600),
		os.WriteFile(filepath.Join(other, "contract.key"), []byte(key), 0o600))
	if err != nil {
		return err
	}
	if text, err := c.command(ctx, "scripts/verify.sh", other); err == nil || !strings.Contains(err.Error(), "checks failed") {
		return fmt.Errorf("the epochs of another contract passed the checks: %s (%w)", text, err)
	}
	return nil
}
