-- What a judged frame is known again by when its file was written anew. `imprint` is base64, `imprint_key` 6 hexadecimal
-- digits that its like mostly share; both are empty where a frame shows no face.
alter table liveness_frames add column imprint_key text not null default '';
alter table liveness_frames add column imprint text not null default '';
create index liveness_frames_key on liveness_frames (imprint_key, seq);
create index liveness_frames_session on liveness_frames (session);
