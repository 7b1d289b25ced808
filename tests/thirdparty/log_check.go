// SPDX-License-Identifier: GPL-2.0-or-later

// log_check verifies an audit log with nothing but golang.org/x/mod: other people's software.
//
//	log_check LOG VKEYS [CHECKPOINT...]
//
// The signature of the newest checkpoint and of each that is given or lies in a hand-over; the root from the
// entries; every tile; the inclusion of every entry; the consistency of every signed size with every later one.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, arguments ...interface{}) {
	fmt.Printf("BROKEN: "+format+"\n", arguments...)
	os.Exit(2)
}

func read(path string) []byte {
	bytes, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	return bytes
}

// number writes the number of a tile: groups of three digits, all but the last with an x before.
func number(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}

// tile reads `width` times `size` bytes of a tile, from the full file or a partial one of exactly that width.
func tile(base string, n int64, width int) ([]byte, error) {
	path := filepath.Join(base, number(n))
	if width < 256 {
		if bytes, err := os.ReadFile(fmt.Sprintf("%s.p/%d", path, width)); err == nil {
			return bytes, nil
		}
	}
	return os.ReadFile(path)
}

// tiles gives x/mod the tiles of the log, whose paths differ from the sum database's.
type tiles struct{ log string }

func (t tiles) Height() int                         { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, each := range list {
		bytes, err := tile(filepath.Join(t.log, "tile", strconv.Itoa(each.L)), each.N, each.W)
		if err != nil {
			// The full tile may not be there yet, but a wider partial one of the newest size is.
			bytes, err = widest(filepath.Join(t.log, "tile", strconv.Itoa(each.L), number(each.N)+".p"), each.W)
		}
		if err != nil {
			return nil, err
		}
		if len(bytes) < each.W*tlog.HashSize {
			return nil, fmt.Errorf("tile %d/%d is short", each.L, each.N)
		}
		all = append(all, bytes[:each.W*tlog.HashSize])
	}
	return all, nil
}

func widest(folder string, width int) ([]byte, error) {
	names, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if value, err := strconv.Atoi(name.Name()); err == nil && value >= width {
			return os.ReadFile(filepath.Join(folder, name.Name()))
		}
	}
	return nil, fmt.Errorf("%s has no file of %d hashes", folder, width)
}

func verifiers(path string) note.Verifiers {
	var list []note.Verifier
	for _, line := range strings.Split(strings.TrimSpace(string(read(path))), "\n") {
		verifier, err := note.NewVerifier(line)
		if err != nil {
			fail("%s: %v", path, err)
		}
		list = append(list, verifier)
	}
	return note.VerifierList(list...)
}

// checkpoint checks the signatures and parses the text; x/mod's own parser wants another first line.
func checkpoint(name string, bytes []byte, known note.Verifiers) (tlog.Tree, int) {
	opened, err := note.Open(bytes, known)
	if err != nil {
		fail("%s: %v", name, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != opened.Sigs[0].Name {
		fail("%s is no checkpoint of its signer", name)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("%s: %v", name, err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		fail("%s has no root", name)
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, len(opened.Sigs)
}

// entries reads all bundles of a log of this size.
func entries(log string, size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		bytes, err := tile(filepath.Join(log, "tile", "entries"), n, int(width))
		if err != nil {
			fail("%v", err)
		}
		for i := int64(0); i < width; i++ {
			if len(bytes) < 2 || len(bytes) < 2+int(binary.BigEndian.Uint16(bytes)) {
				fail("bundle %d is short", n)
			}
			end := 2 + int(binary.BigEndian.Uint16(bytes))
			all = append(all, bytes[2:end])
			bytes = bytes[end:]
		}
	}
	return all
}

// computed is every hash of the tree, from the entries alone.
type computed []tlog.Hash

func (c computed) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, index := range indexes {
		if index >= int64(len(c)) {
			return nil, fmt.Errorf("hash %d does not exist", index)
		}
		list = append(list, c[index])
	}
	return list, nil
}

func compute(all [][]byte) computed {
	var hashes computed
	for i, entry := range all {
		added, err := tlog.StoredHashes(int64(i), entry, hashes)
		if err != nil {
			fail("entry %d: %v", i, err)
		}
		hashes = append(hashes, added...)
	}
	return hashes
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println("log_check LOG VKEYS [CHECKPOINT...]")
		os.Exit(64)
	}
	log := os.Args[1]
	known := verifiers(os.Args[2])
	newest, _ := checkpoint("checkpoint", read(filepath.Join(log, "checkpoint")), known)

	all := entries(log, newest.N)
	hashes := compute(all)
	root, err := tlog.TreeHash(newest.N, hashes)
	if err != nil || (newest.N > 0 && root != newest.Hash) {
		fail("the entries do not give the root that was signed")
	}

	// By the tiles, each of which x/mod checks against the root.
	reader := tlog.TileHashReader(newest, tiles{log})
	for i, entry := range all {
		proof, err := tlog.ProveRecord(newest.N, int64(i), reader)
		if err != nil {
			fail("no proof of entry %d: %v", i, err)
		}
		if err := tlog.CheckRecord(proof, newest.N, newest.Hash, int64(i), tlog.RecordHash(entry)); err != nil {
			fail("entry %d: %v", i, err)
		}
	}

	signed := []tlog.Tree{newest}
	for _, path := range os.Args[3:] {
		tree, _ := checkpoint(path, read(path), known)
		signed = append(signed, tree)
	}
	epochs, _ := filepath.Glob(filepath.Join(log, "epochs", "*"))
	for _, path := range epochs {
		text := string(read(path))
		tree, count := checkpoint(path, []byte(text[strings.Index(text, "\n\n")+2:]), known)
		if count != 2 {
			fail("%s has %d signatures by keys of the log", path, count)
		}
		signed = append(signed, tree)
	}
	sort.Slice(signed, func(i, j int) bool { return signed[i].N < signed[j].N })
	proofs := 0
	for i, older := range signed {
		for _, newer := range signed[i+1:] {
			if older.N == 0 {
				continue
			}
			proof, err := tlog.ProveTree(newer.N, older.N, reader)
			if err != nil {
				fail("no proof from %d to %d: %v", older.N, newer.N, err)
			}
			if err := tlog.CheckTree(proof, newer.N, newer.Hash, older.N, older.Hash); err != nil {
				fail("from %d to %d: %v", older.N, newer.N, err)
			}
			proofs++
		}
	}
	fmt.Printf("INTACT: %d entries, %d signed sizes, %d hand-overs, %d consistency proofs\n", len(all), len(signed),
		len(epochs), proofs)
}
