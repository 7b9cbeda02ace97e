//go:build !linux

package honest

import "syscall"

func EndWithParent() *syscall.SysProcAttr { return nil }
