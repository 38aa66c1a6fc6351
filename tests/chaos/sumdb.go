// Holds a copy of a log against Go's own sumdb: the signature, records, and growth.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run sumdb.go FOLDER VKEY STEP
//
// Debian has it as golang-golang-x-mod-dev.  Each STEPth record is proven to be in the tree and to
// be the one of the bundles; from each STEPth size the tree is proven to have only grown.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (at folder) Height() int { return 8 }

func (at folder) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles reads tiles by the paths of C2SP tlog-tiles, which do not name the height.
func (at folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(at), path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

// record returns an entry as it stands in its bundle: behind its length, two bytes.
func (at folder) record(n, size int64) []byte {
	tile := tlog.Tile{H: 8, L: -1, N: n / 256, W: 256}
	if size-tile.N*256 < 256 {
		tile.W = int(size - tile.N*256)
	}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(string(at), path))
	must(err)
	for i := int64(0); i < n%256; i++ {
		data = data[2+int(binary.BigEndian.Uint16(data)):]
	}
	return data[2 : 2+int(binary.BigEndian.Uint16(data))]
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	log.SetFlags(0)
	at := folder(os.Args[1])
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	step, err := strconv.ParseInt(os.Args[3], 10, 64)
	must(err)
	signed, err := os.ReadFile(filepath.Join(string(at), "checkpoint"))
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	hashes := tlog.TileHashReader(tree, at)
	proven := 0
	for n := int64(0); n < size; n += step {
		leaf := tlog.RecordHash(at.record(n, size))
		proof, err := tlog.ProveRecord(size, n, hashes)
		must(err)
		must(tlog.CheckRecord(proof, size, tree.Hash, n, leaf))
		older, err := tlog.TreeHash(n+1, hashes)
		must(err)
		grown, err := tlog.ProveTree(size, n+1, hashes)
		must(err)
		must(tlog.CheckTree(grown, size, tree.Hash, n+1, older))
		proven++
	}
	fmt.Printf("%s %d: %d records and sizes proven\n", opened.Sigs[0].Name, size, proven)
}
