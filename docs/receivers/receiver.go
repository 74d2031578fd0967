// A receiver in Go (nothing but its own library). WEBHOOK_SECRET: one of the URL's signing_secrets; without it
// nobody's signature is asked for.
// A real one keeps seen and newest where it keeps the events, and writes all three in one transaction.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const mostSeen = 100_000

var (
	lock   sync.Mutex
	seen   = map[string]bool{}  // the webhook-id of what was taken
	order  []string             // the same, oldest first
	newest = map[string]int64{} // by client: the webhook-seq of its latest presence
)

type event struct {
	Action string `json:"action"`
	Client string `json:"clientid"`
	From   string `json:"from_clientid"`
}

func take(id string, seq int64, of event) string {
	client := strconv.Quote(of.Client)
	if of.Client == "" {
		client = strconv.Quote(of.From)
	}
	if seen[id] {
		return fmt.Sprintln("repeat", of.Action, client)
	}
	seen[id], order = true, append(order, id)
	if len(order) > mostSeen {
		delete(seen, order[0])
		order = order[1:]
	}
	word := map[string]string{"client_connected": "online", "client_disconnected": "offline"}[of.Action]
	if word == "" {
		return fmt.Sprintln("event", of.Action, client)
	}
	if seq < newest[client] {
		return fmt.Sprintln("stale", of.Action, client)
	}
	newest[client] = seq
	return fmt.Sprintln(word, client)
}

func isSigned(secret string, header http.Header, body []byte) bool {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age.Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", header.Get("webhook-id"), seconds, body)
	own := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, one := range strings.Split(header.Get("webhook-signature"), " ") {
		if hmac.Equal([]byte(one), []byte(own)) {
			return true
		}
	}
	return false
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if secret := os.Getenv("WEBHOOK_SECRET"); secret != "" && !isSigned(secret, r.Header, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var of event
	if err != nil || json.Unmarshal(body, &of) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.Header.Get("webhook-test") != "true" {
		seq, _ := strconv.ParseInt(r.Header.Get("webhook-seq"), 10, 64)
		lock.Lock()
		fmt.Print(take(r.Header.Get("webhook-id"), seq, of))
		lock.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	port := "5656"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	log.Fatal(http.Serve(listener, http.HandlerFunc(receive)))
}
