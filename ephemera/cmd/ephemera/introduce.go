package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ephemera-go/nym-rewarding/ephemera/internal/daemon/testnet"
)

// introduce prints the addresses of the nodes and, unless they run already, commands to try with
// the first one.
func introduce(w io.Writer, net testnet.Net, running bool) {
	fmt.Fprintf(w, "a network of %s in %s\ngroup %s\n\n", counted(len(net.Nodes), "node"), net.Dir, net.Group)
	others := net.Nodes
	if !running {
		tryNode(w, net, net.Nodes[0])
		others = others[1:]
	}
	if len(others) > 0 {
		t := newTable(w)
		fmt.Fprintln(t, "node\tAPI\toperator")
		for _, node := range others {
			fmt.Fprintf(t, "%s\thttp://%s\thttp://%s\n", node.Name, node.HTTP, node.Admin)
		}
		t.end()
		fmt.Fprintln(w)
	}
	if !running {
		fmt.Fprintln(w, wrapped("all at once: ", pasted(os.Args[0]), "testnet", "--dir "+pasted(net.Dir), "--run"))
	}
}

// tryNode prints everything about a node, and commands to try with it.
func tryNode(w io.Writer, net testnet.Net, node testnet.Node) {
	self, url := pasted(os.Args[0]), "--url http://"+node.HTTP
	certificate := pasted(filepath.Join(net.Dir, node.Name+".certificate.json"))
	fmt.Fprintf(w, "%s  %s\n  API       http://%s\n            ws://%s/ephemera/ws\n  operator  http://%s\n",
		node.Name, node.PeerID, node.HTTP, node.HTTP, node.Admin)
	for _, command := range [][]string{
		{"  run       ", self, "run", "--home " + pasted(net.Folder(node).Dir)},
		{"  submit    ", self, "submit", url, "--label greeting", fmt.Sprintf("%q", "hello from "+node.Name)},
		{"  follow    ", self, "blocks follow", url, "--from beginning"},
		{
			"  verify    ", self, "query certificates last", url, "-o json", "> " + certificate,
			"&& " + self + " certificate verify", certificate, "--group " + pasted(filepath.Join(filepath.Dir(net.Folder(node).Config()), "peers.toml")),
		},
	} {
		fmt.Fprintln(w, wrapped(command[0], command[1:]...))
	}
	fmt.Fprintln(w)
}

// screenWidth is the width that printed lines fit, unless a single word of a command is wider.
const screenWidth = 80

// wrapped returns a command after a prefix, broken between its words with backslashes so that a
// shell accepts it when it is pasted. The lines after the first are indented by the prefix's width
// and two columns more.
func wrapped(prefix string, words ...string) string {
	indent := strings.Repeat(" ", utf8.RuneCountInString(prefix)+2)
	text, line := "", prefix+words[0]
	for _, word := range words[1:] {
		if utf8.RuneCountInString(line+" "+word+" \\") > screenWidth {
			text, line = text+line+" \\\n", indent+word
			continue
		}
		line += " " + word
	}
	return text + line
}

// pasted quotes a path for a shell if necessary.
func pasted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+@%", r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
