-- Wrong: a worker takes a wake by deleting it, and resumes afterwards; nobody knows of it if the worker dies between.
CREATE FUNCTION wrong.take() RETURNS text
LANGUAGE sql AS $$
    DELETE FROM tallystick.wake RETURNING key
$$;
