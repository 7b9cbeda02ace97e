// Package paragraph lays out printed texts: paragraphs broken into lines, and tables.
package paragraph

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Width is that of the narrowest usual terminal, in columns.
const Width = 80

// Wrap breaks a paragraph at spaces into lines of at most Width columns.
func Wrap(paragraph string) string {
	lines := strings.Split(text.WrapSoft(paragraph, Width), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ") // WrapSoft pads lines
	}
	return strings.Join(lines, "\n")
}

// Table returns a table without frame, with one blank between its columns. The first column is
// aligned left and the others right.
func Table(head table.Row, rows []table.Row, configs ...table.RowConfig) string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header, style.Format.HeaderAlign = text.FormatDefault, text.AlignLeft
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	style.Box.PaddingLeft, style.Box.PaddingRight = "", " "
	t.SetStyle(style)
	t.AppendHeader(head)
	columns := make([]table.ColumnConfig, len(head)-1)
	for i := range columns {
		columns[i] = table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight, VAlignHeader: text.VAlignBottom}
	}
	t.SetColumnConfigs(columns)
	for _, row := range rows {
		t.AppendRow(row, configs...)
	}
	lines := strings.Split(t.Render(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
