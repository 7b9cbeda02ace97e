package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"strings"
)

// tokenFile is where docker-compose.yml has the contract's token.
const tokenFile = "/enrolment/token"

// checkToken checks that the contract's token is in a file that only its owner can read, and
// neither in a process's arguments nor in what Docker knows of a container.
func (c *cluster) checkToken(ctx context.Context) error {
	contracts, err := c.containers(ctx, "contract")
	if err != nil {
		return err
	}
	if len(contracts) != 1 {
		return fmt.Errorf("%d contracts are running, expected 1", len(contracts))
	}
	archive, err := c.docker(ctx, "cp", contracts[0]+":"+tokenFile, "-")
	if err != nil {
		return err
	}
	file := tar.NewReader(strings.NewReader(archive))
	header, err := file.Next()
	if err != nil {
		return fmt.Errorf("read %s: %w", tokenFile, err)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("read %s: %w", tokenFile, err)
	}
	token := strings.TrimSpace(string(text))
	if header.FileInfo().Mode() != 0o600 || len(token) < 16 {
		return fmt.Errorf("%s has mode %s and %d characters, expected 0600 and at least 16", tokenFile, header.FileInfo().Mode(), len(token))
	}
	nymapis, err := c.containers(ctx, "nymapi")
	if err != nil {
		return err
	}
	for _, id := range append(contracts, nymapis...) {
		for _, words := range [][]string{{"inspect", id}, {"top", id, "-e", "-o", "pid,args"}} {
			shown, err := c.docker(ctx, words...)
			if err != nil {
				return err
			}
			if strings.Contains(shown, token) {
				return fmt.Errorf("docker %s shows the token", strings.Join(words, " "))
			}
		}
	}
	c.say("the token is in a private file only")
	return nil
}
