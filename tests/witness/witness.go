// A witness (C2SP tlog-witness) for tests, of other people's code but for the HTTP around it: signatures are checked by
// x/mod's sumdb/note, proofs by sumdb/tlog. It keeps what it has signed in a file.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run witness.go -listen 127.0.0.1:7380 -state FILE -seed HEX -log VKEY
//
// It prints its own verifier key. Several -log may be given: the keys of several epochs.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const name = "witness.example.test/w1"

type seen struct {
	Size int64
	Root tlog.Hash
}

type witness struct {
	mutex   sync.Mutex
	key     ed25519.PrivateKey
	id      []byte
	logs    note.Verifiers
	origins map[string]bool
	path    string
	seen    map[string]seen
}

func (w *witness) vkey() string {
	public := append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
	return fmt.Sprintf("%s+%x+%s", name, w.id, base64.StdEncoding.EncodeToString(public))
}

func (w *witness) cosign(text string) string {
	now := uint64(time.Now().Unix())
	signature := ed25519.Sign(w.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, text)))
	payload := append([]byte{}, w.id...)
	payload = binary.BigEndian.AppendUint64(payload, now)
	payload = append(payload, signature...)
	return fmt.Sprintf("\u2014 %s %s\n", name, base64.StdEncoding.EncodeToString(payload))
}

// A checkpoint's text: origin, size, root. tlog.ParseTree knows only the Go checksum database's.
func parse(text string) (origin string, tree seen, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return "", tree, fmt.Errorf("too few lines")
	}
	if tree.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || strconv.FormatInt(tree.Size, 10) != lines[1] {
		return "", tree, fmt.Errorf("no size")
	}
	if tree.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return "", tree, err
	}
	return lines[0], tree, nil
}

func refuse(out http.ResponseWriter, status int, why string) {
	log.Printf("%d %s", status, why)
	http.Error(out, why, status)
}

func split(body []byte) (old int64, proof tlog.TreeProof, signed []byte, err error) {
	head, signed, found := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || !strings.HasPrefix(lines[0], "old ") || len(lines) > 64 {
		return 0, nil, nil, fmt.Errorf("malformed")
	}
	if old, err = strconv.ParseInt(lines[0][4:], 10, 64); err != nil || old < 0 {
		return 0, nil, nil, fmt.Errorf("no old size")
	}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, nil, err
		}
		proof = append(proof, hash)
	}
	return old, proof, signed, nil
}

func (w *witness) add(out http.ResponseWriter, in *http.Request) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	body, err := io.ReadAll(io.LimitReader(in.Body, 1<<16))
	if err != nil || in.Method != http.MethodPost {
		refuse(out, http.StatusBadRequest, "not a request")
		return
	}
	old, proof, signed, err := split(body)
	if err != nil {
		refuse(out, http.StatusBadRequest, err.Error())
		return
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	origin, tree, err := parse(text + "\n")
	if err != nil {
		refuse(out, http.StatusBadRequest, err.Error())
		return
	}
	if !w.origins[origin] {
		refuse(out, http.StatusNotFound, "unknown log")
		return
	}
	opened, err := note.Open(signed, w.logs)
	if err != nil {
		refuse(out, http.StatusForbidden, err.Error())
		return
	}
	known := w.seen[origin]
	switch {
	case old > tree.Size:
		refuse(out, http.StatusBadRequest, "old is over the size")
		return
	case old != known.Size:
		out.Header().Set("Content-Type", "text/x.tlog.size")
		out.WriteHeader(http.StatusConflict)
		fmt.Fprintf(out, "%d\n", known.Size)
		log.Printf("409 has %d", known.Size)
		return
	case old == 0 && len(proof) > 0, old == tree.Size && (tree.Root != known.Root || len(proof) > 0):
		refuse(out, http.StatusUnprocessableEntity, "another root")
		return
	}
	if old > 0 && old < tree.Size {
		if err := tlog.CheckTree(proof, tree.Size, tree.Root, old, known.Root); err != nil {
			refuse(out, http.StatusUnprocessableEntity, err.Error())
			return
		}
	}
	w.seen[origin] = tree
	state, _ := json.Marshal(w.seen)
	if err := os.WriteFile(w.path, state, 0644); err != nil {
		refuse(out, http.StatusInternalServerError, err.Error())
		return
	}
	log.Printf("200 %d", tree.Size)
	io.WriteString(out, w.cosign(opened.Text))
}

func main() {
	var keys []note.Verifier
	w := witness{origins: map[string]bool{}, seen: map[string]seen{}}
	listen := flag.String("listen", "127.0.0.1:7380", "address")
	flag.StringVar(&w.path, "state", "witness.json", "what was signed")
	seed := flag.String("seed", "", "32 bytes in hex")
	flag.Func("log", "verifier key of a log", func(text string) error {
		key, err := note.NewVerifier(text)
		if err == nil {
			keys = append(keys, key)
			w.origins[key.Name()] = true
		}
		return err
	})
	flag.Parse()
	bytes, err := hex.DecodeString(*seed)
	if err != nil || len(bytes) != ed25519.SeedSize {
		log.Fatal("-seed needs 64 hex digits")
	}
	w.key = ed25519.NewKeyFromSeed(bytes)
	hash := sha256.Sum256(append([]byte(name+"\n\x04"), w.key.Public().(ed25519.PublicKey)...))
	w.id = hash[:4]
	w.logs = note.VerifierList(keys...)
	if state, err := os.ReadFile(w.path); err == nil {
		if err := json.Unmarshal(state, &w.seen); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(w.vkey())
	if len(keys) == 0 {
		return
	}
	http.HandleFunc("/w/add-checkpoint", w.add)
	log.Fatal(http.ListenAndServe(*listen, nil))
}
