<?php
// A receiver in PHP (8.0 on, nothing but its own library). WEBHOOK_SECRET: one of the URL's signing_secrets;
// without it nobody's signature is asked for.
// A real one keeps `seen` and `newest` where it keeps the events, and writes all three in one transaction.

const MOST_SEEN = 100_000;

function take(string $id, int $seq, array $event, array &$state): string
{
    $action = $event['action'];
    $client = json_encode($event['clientid'] ?? $event['from_clientid']);
    if (isset($state['seen'][$id])) return "repeat $action $client";
    $state['seen'][$id] = true; // the webhook-id of what was taken, oldest first
    if (count($state['seen']) > MOST_SEEN) unset($state['seen'][array_key_first($state['seen'])]);
    if ($action !== 'client_connected' && $action !== 'client_disconnected') return "event $action $client";
    if ($seq < ($state['newest'][$client] ?? 0)) return "stale $action $client";
    $state['newest'][$client] = $seq; // by client: the webhook-seq of its latest presence
    return ($action === 'client_connected' ? 'online ' : 'offline ') . $client;
}

function is_signed(string $secret, string $body): bool
{
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $text = ($_SERVER['HTTP_WEBHOOK_ID'] ?? '') . ".$time.$body";
    $key = base64_decode(str_replace('whsec_', '', $secret));
    $own = 'v1,' . base64_encode(hash_hmac('sha256', $text, $key, true));
    $signed = array_filter(
        explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? ''),
        fn (string $one): bool => hash_equals($own, $one),
    );
    return $signed !== [] && abs(time() - (int) $time) < 300;
}

$body = file_get_contents('php://input');
if (getenv('WEBHOOK_SECRET') && !is_signed(getenv('WEBHOOK_SECRET'), $body)) {
    http_response_code(401);
    return;
}
$event = json_decode($body, true);
if (!is_array($event) || !isset($event['action'])) {
    http_response_code(400);
    return;
}
if (($_SERVER['HTTP_WEBHOOK_TEST'] ?? '') !== 'true') {
    // PHP forgets everything between two requests: what it must know is in a file, which one has at a time.
    $file = fopen(getenv('RECEIVER_STATE') ?: sys_get_temp_dir() . '/receiver-state.json', 'c+');
    flock($file, LOCK_EX);
    $state = json_decode(stream_get_contents($file), true) ?? ['seen' => [], 'newest' => []];
    $line = take($_SERVER['HTTP_WEBHOOK_ID'], (int) $_SERVER['HTTP_WEBHOOK_SEQ'], $event, $state);
    ftruncate($file, 0);
    rewind($file);
    fwrite($file, json_encode($state));
    fclose($file); // and lets go of it
    file_put_contents('php://stdout', "$line\n");
}
http_response_code(204);
