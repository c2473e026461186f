// Another implementation reads our log over HTTP: that of Go's checksum database.
//
// Usage: another LOG-URL VKEY. Prints how many entries it verified; exits with 1, and says why, when it does not
// believe them.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type tiles struct{ base string }

func (t tiles) Height() int { return height }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, 0, len(wanted))
	for _, tile := range wanted {
		data, err := t.get(path(tile))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (t tiles) get(path string) ([]byte, error) {
	host, below, _ := strings.Cut(strings.TrimPrefix(t.base, "http://"), "/")
	connection, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	// By hand: the HTTP client of Go takes half a minute to compile.
	fmt.Fprintf(connection, "GET /%s%s HTTP/1.0\r\nHost: %s\r\n\r\n", below, path, host)
	answer, err := io.ReadAll(io.LimitReader(connection, 1<<25))
	if err != nil {
		return nil, err
	}
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	status := strings.Fields(string(head))
	if !found || len(status) < 2 || status[1] != "200" {
		return nil, fmt.Errorf("%s: %.40q", path, head)
	}
	return body, nil
}

// The checksum database names the height in its paths; tlog-tiles, which came of it, does not.
func path(tile tlog.Tile) string {
	own := tile.Path()
	if tile.L == -1 {
		return strings.Replace(own, fmt.Sprintf("tile/%d/data/", height), "tile/entries/", 1)
	}
	return strings.Replace(own, fmt.Sprintf("tile/%d/", height), "tile/", 1)
}

func tree(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is none of %s", origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("the checkpoint's root is none")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}

func verify(base, vkey string) (int64, error) {
	reader := tiles{base}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, err
	}
	data, err := reader.get("checkpoint")
	if err != nil {
		return 0, err
	}
	checkpoint, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return 0, err
	}
	signed, err := tree(checkpoint.Text, verifier.Name())
	if err != nil {
		return 0, err
	}
	hashes := tlog.TileHashReader(signed, reader)
	for start := int64(0); start < signed.N; start += 1 << height {
		width := min(signed.N-start, 1<<height)
		indexes := make([]int64, 0, width)
		for index := start; index < start+width; index++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, index))
		}
		wanted, err := hashes.ReadHashes(indexes)
		if err != nil {
			return 0, err
		}
		bundle, err := reader.get(path(tlog.Tile{H: height, L: -1, N: start >> height, W: int(width)}))
		if err != nil {
			return 0, err
		}
		for place, hash := range wanted {
			if len(bundle) < 2 {
				return 0, fmt.Errorf("entry %d is missing", start+int64(place))
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if len(bundle) < 2+length || tlog.RecordHash(bundle[2:2+length]) != hash {
				return 0, fmt.Errorf("entry %d is another", start+int64(place))
			}
			bundle = bundle[2+length:]
		}
		if len(bundle) > 0 {
			return 0, fmt.Errorf("there is more than %d entries", width)
		}
	}
	return signed.N, nil
}

func main() {
	count, err := verify(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(count)
}
