package webserver

import (
	"net/http"
	"strconv"
	"time"
)

// pieceBytes is the size of the pieces of bodies and answers of which each must be through within
// Config.PieceTimeout. It is what a least rate is measured over.
const pieceBytes = 64 << 10

// send writes an answer piece by piece. A caller that takes too long for one, or for all, is cut
// off.
func (s *Server) send(w http.ResponseWriter, r *http.Request, made *answer) {
	conn := connectionOf(r.Context())
	if conn != nil {
		s.connections.sending(conn.severable)
	}
	copyHeader(w.Header(), made.header)
	if made.status != http.StatusNotModified && made.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(made.bytes)))
	}
	var until time.Time
	if s.config.WriteTimeout > 0 {
		until = time.Now().Add(s.config.WriteTimeout)
	}
	s.expectPiece(conn, until)
	w.WriteHeader(made.status)
	for rest := made.bytes; len(rest) > 0; {
		piece := rest[:min(pieceBytes, len(rest))]
		rest = rest[len(piece):]
		s.expectPiece(conn, until)
		if _, err := w.Write(piece); err != nil {
			return // the caller has left, or was cut off
		}
	}
	_ = http.NewResponseController(w).Flush() // as above
}

// expectPiece sets the time by which the next piece must be written.
func (s *Server) expectPiece(conn *connection, until time.Time) {
	if conn != nil {
		_ = conn.SetWriteDeadline(earlier(until, time.Now().Add(s.config.PieceTimeout)))
	}
}

// earlier returns the earlier of two times, of which the first may be zero: never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
